"""An update over packed rows is the update of padded ones: the same completions, loss and gradient."""

import copy
import logging

import pytest
import torch
from transformers import TrainerCallback

from beyond_sharpening.objectives import Objective
from beyond_sharpening.parameters import Lora
from beyond_sharpening.theory.enumerable import QUESTIONS, build_trainer, enumerable_task
from beyond_sharpening.theory.optimum import perturbed
from beyond_sharpening.training import passes
from beyond_sharpening.training.adapters import adapter_config

TASK = enumerable_task()
POLICY = perturbed(TASK.start, seed=2).double()
GROUPS, GROUP_SIZE = 4, 4
ROWS = len(QUESTIONS) * GROUPS * GROUP_SIZE
VARIANTS = {
    "one batch": {},
    "batches that cut groups": {"per_device_train_batch_size": 6, "gradient_accumulation_steps": ROWS // 6},
    "checkpoints": {"gradient_checkpointing": True},
    "an adapter": {"peft_config": adapter_config(Lora(rank=2, scale=4))},
    "fixed length": {"fixed_length": True},
}


class Recorder(TrainerCallback):
    """Keeps the gradient of what is trained."""

    def on_pre_optimizer_step(self, args, state, control, **kwargs):
        parts = [part.grad.flatten() for part in kwargs["model"].parameters() if part.requires_grad]
        self.gradient = torch.cat(parts).double()


def step(folder, **options) -> tuple[dict, torch.Tensor, list[int]]:
    """One step: what it logs, its gradient, and the tokens that each pass over its completions computes."""
    recorder, tokens = Recorder(), []
    built = build_trainer(
        TASK, Objective.named("tilted", beta=2), POLICY, folder, groups=GROUPS, group_size=GROUP_SIZE,
        learning_rate=0.1, max_steps=1, logging_strategy="steps", logging_steps=1, **options,
    )  # fmt: skip
    score = built.passes.score

    def watched(model, batch):
        watch = model.register_forward_pre_hook(
            lambda model, args, kwargs: tokens.append(kwargs["input_ids"].numel()), with_kwargs=True
        )
        scores = score(model, batch)
        watch.remove()
        return scores

    built.passes.score = watched
    built.add_callback(recorder)
    built.train()
    return built.state.log_history[0], recorder.gradient, tokens


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_the_step_is_that_of_padded_rows(options, tmp_path, monkeypatch):
    logged, gradient, tokens = step(tmp_path / "packed", **options)
    monkeypatch.setattr(passes, "takes_packed_rows", lambda model: False)
    plainly, expected, padded = step(tmp_path / "padded", **options)
    assert (gradient - expected).norm() < 1e-6 * expected.norm()
    assert set(logged) == set(plainly)
    for name in ("reward", "kl", "log_reference", "entropy", "sampler_gap", "importance_max"):
        assert logged[name] == pytest.approx(plainly[name], rel=1e-5, abs=1e-6)
    assert len(tokens) == len(padded)
    assert sum(tokens) < sum(padded)


def test_a_batch_computes_a_prompt_once_and_no_padding(tmp_path):
    logged, _, tokens = step(tmp_path)
    completions = ROWS * logged["completions/mean_length"]
    prefixes = sum(len(prompt) - 1 for prompt in TASK.prompts)
    assert tokens == [pytest.approx(prefixes + completions)] * 2, "the reference and the update"


def test_a_model_without_packed_rows_is_trained_in_padded_ones_and_that_is_said(tmp_path, caplog):
    eager = copy.deepcopy(TASK.start)
    eager.set_attn_implementation("eager")
    with caplog.at_level(logging.WARNING):
        built = build_trainer(
            TASK, Objective.named("tilted"), eager, tmp_path, groups=1, group_size=2, learning_rate=0.1, max_steps=1
        )
        built.train()
    assert isinstance(built.passes, passes.PaddedPasses)
    told = [record.getMessage() for record in caplog.records if "packed" in record.getMessage()]
    assert told == [
        "LlamaForCausalLM with attention eager takes no packed rows: "
        "a prompt is computed once for each of its completions"
    ]

"""Engines: what draws the rollouts may be another than what learns from them, and is held to it."""

import copy
import math

import pytest
import torch
from scipy.stats import t as student

from beyond_sharpening.decoding import SamplingOptions, sample, score
from beyond_sharpening.decoding.engines import PAGED_SHARE
from beyond_sharpening.errors import EngineMismatch
from beyond_sharpening.exact.gradient import objective_gradient
from beyond_sharpening.objectives import Objective
from beyond_sharpening.parameters import Lora
from beyond_sharpening.theory.enumerable import EOS_IDS, build_trainer, enumerable_task
from beyond_sharpening.theory.optimum import perturbed
from beyond_sharpening.training import ObjectiveTrainer, trainer
from beyond_sharpening.training.adapters import adapter_config
from beyond_sharpening.training.engines import Vllm, paged_share, plain_weights
from beyond_sharpening.training.loss import policy_loss
from beyond_sharpening.training.mismatch import check_engine
from training.estimator import GradientRecorder

TASK = enumerable_task()
POLICY = perturbed(TASK.start, seed=2)
ELSEWHERE = perturbed(POLICY, seed=5)
SMALL_CACHE = {"num_blocks": 16, "max_batch_tokens": 64}
RUNS, SIZES = 10, {"groups": 96, "group_size": 4}
CERTAINTY = 1e-5


@pytest.mark.parametrize(("device", "share"), [("cpu", PAGED_SHARE / 4), ("cuda:1", PAGED_SHARE)])
def test_processes_that_share_a_memory_share_what_is_for_caches(device, share, monkeypatch):
    """torch's launcher tells each process how many there are on its machine."""
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert paged_share(torch.device(device)) == share
    monkeypatch.delenv("LOCAL_WORLD_SIZE")
    assert paged_share(torch.device(device)) == PAGED_SHARE


class OtherEngine:
    """Samples from a policy of its own, which never hears of the training."""

    has_own_weights = True

    def __init__(self, model, options):
        self.model, self.options = model, options

    def rollouts(self, prompts, samples, seeds):
        return sample(self.model, prompts, self.options, samples, seeds)


class OffPolicy(ObjectiveTrainer):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.engine = OtherEngine(ELSEWHERE, self.sampling)


def unweighted(level, logp, logp_sampler, *rest):
    """The mistake: rollouts of another policy taken for the policy's own."""
    return policy_loss(level, logp, logp.detach(), *rest)


def gradient_along(objective, folder, seed):
    """One step's gradient, projected on the exact one."""
    recorder = GradientRecorder()
    built = build_trainer(
        TASK,
        objective,
        POLICY,
        folder,
        learning_rate=0.0,
        trainer=OffPolicy,
        max_steps=1,
        max_grad_norm=0.0,
        seed=seed,
        **SIZES,
    )
    built.add_callback(recorder)
    built.train()
    exact_policy = copy.deepcopy(POLICY).double()
    _, parts = objective_gradient(exact_policy, TASK.prompts, TASK.completions, objective, TASK.correct, TASK.log_p)
    exact = torch.cat([part.flatten() for part in parts.values()])
    return float(-recorder.gradient @ exact / exact.norm()), float(exact.norm())


@pytest.mark.parametrize(("loss", "agrees"), [(policy_loss, True), (unweighted, False)])
def test_importance_weights_make_another_policys_rollouts_serve(loss, agrees, tmp_path, monkeypatch):
    """E_s[w·(r − b)·∇log π] = ∇J for any sampler s with full support; without the weight w = π/s it is not.

    The mean over runs is within Student's quantile of their measured deviation.
    """
    monkeypatch.setattr(trainer, "check_engine", lambda *scored: {})
    monkeypatch.setattr(trainer, "policy_loss", loss)
    objective = Objective.named("tilted", beta=2)
    runs = [gradient_along(objective, tmp_path / str(seed), seed) for seed in range(RUNS)]
    along, (exact, *_) = torch.tensor([run[0] for run in runs]), [run[1] for run in runs]
    allowed = student.isf(CERTAINTY / 2, RUNS - 1) * along.std() / RUNS**0.5
    assert (abs(along.mean() - exact) <= allowed) == agrees


def test_weights_are_cut_at_the_cap_whatever_the_advantage(tmp_path):
    built = build_trainer(
        TASK, Objective.named("task_reward"), POLICY, tmp_path, learning_rate=0.0, max_steps=1, **SIZES
    )
    ids, mask = torch.tensor([[2, 3, 0]] * 2), torch.ones(2, 3, dtype=torch.long)
    prompt = torch.tensor([[2, 3]] * 2)
    logp = score(POLICY, prompt.tolist(), ids.tolist(), 2)
    inputs = {
        "prompt_ids": prompt,
        "prompt_mask": torch.ones_like(prompt),
        "completion_ids": ids,
        "completion_mask": mask,
        "sampler_logp": torch.full((2, 3), -100.0),
        "advantages": torch.tensor([1.0, -2.0]),
    }
    loss = built._compute_loss(built.model, inputs)
    assert loss.item() == pytest.approx(-20 * (logp[0] - 2 * logp[1]).item() / 2, rel=1e-5)


def test_paged_batching_serves_the_policy_of_each_step(tmp_path):
    """What it says of a completion is what the policy of that step gives it, and it ends where an EOS ends it."""
    built = build_trainer(
        TASK, Objective.named("tempered"), POLICY, tmp_path, groups=1, group_size=4, learning_rate=0.1, max_steps=2,
        engine="paged", transformers_continuous_batching_config=SMALL_CACHE, logging_strategy="steps", logging_steps=1,
    )  # fmt: skip
    built.train()
    drawn = built.rollouts(TASK.prompts, 3, "test")
    assert built.engine.synced_step == 2
    completions = [(prompt, one) for prompt, group in zip(TASK.prompts, drawn, strict=True) for one in group]
    assert [len(group) for group in drawn] == [3, 3, 3]
    expected = score(built.model, [prompt for prompt, _ in completions], [one.tokens for _, one in completions], 9)
    torch.testing.assert_close(torch.tensor([one.logp for _, one in completions]), expected, atol=1e-5, rtol=0)
    for _, one in completions:
        assert one.truncated == (one.tokens[-1] not in EOS_IDS)
        assert not set(one.tokens[:-1]) & set(EOS_IDS)
    logged = [row for row in built.state.log_history if "engine_gap" in row]
    assert len(logged) == 2
    assert all(row["engine_gap"] < 1e-5 and row["importance_max"] == pytest.approx(1, abs=1e-4) for row in logged)


def test_a_stale_engine_stops_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr("beyond_sharpening.training.engines.PagedBatching.sync", lambda engine: None)
    built = build_trainer(
        TASK, Objective.named("tempered"), TASK.start, tmp_path, groups=8, group_size=4, learning_rate=0.01,
        max_steps=40, engine="paged", transformers_continuous_batching_config=SMALL_CACHE,
    )  # fmt: skip
    with pytest.raises(EngineMismatch):
        built.train()


class TestCheckEngine:
    """Rollouts of 100 tokens whose log-probabilities the engine rounds; the policy has hardly moved."""

    def scored(self, followed: float, moved: float = 0.2, rounding: float = 0.1, rows: int = 256):
        generator = torch.Generator().manual_seed(0)
        reference = -100 + 10 * torch.randn(rows, generator=generator)
        step = moved * torch.randn(rows, generator=generator)
        engine = reference + followed * step + rounding * torch.randn(rows, generator=generator)
        return engine, reference + step, reference, torch.full((rows,), 100.0)

    def test_a_fresh_engine_passes_and_its_slope_is_one(self):
        told = check_engine(*self.scored(followed=1))
        assert told["engine_slope"] == pytest.approx(1, abs=0.15)  # 5 deviations of rounding / moved / √rows
        assert told["engine_gap"] < 0.002

    def test_a_stale_engine_is_caught_where_the_difference_is_of_the_size_of_rounding(self):
        with pytest.raises(EngineMismatch, match=r"stale: .* by a share of -?0\.\d+ ± "):
            check_engine(*self.scored(followed=0))

    def test_nothing_is_claimed_of_a_policy_that_has_not_moved(self):
        assert math.isnan(check_engine(*self.scored(followed=0, moved=0))["engine_slope"])
        check_engine(*self.scored(followed=0, moved=0.001))

    @pytest.mark.parametrize("followed", [float("nan"), 200])
    def test_another_model_altogether_is_caught_at_once(self, followed):
        with pytest.raises(EngineMismatch, match="nats a token"):
            check_engine(*self.scored(followed))


class FakeGeneration:
    """Stands where TRL's ``VLLMGeneration`` does: draws from the model, and tells as vLLM does."""

    def __init__(self, model, options):
        self.model, self.options, self.logprobs, self.synced = model, options, None, 0

    def sync_weights(self):
        self.synced += 1

    def generate(self, prompts, images, num_generations):
        assert self.logprobs == 0, "RLOO does not ask for log-probabilities"
        drawn = [group[0] for group in sample(self.model, prompts, self.options, 1, range(len(prompts)))]
        per_token = [[[one.logp / len(one.tokens)]] * len(one.tokens) for one in drawn]
        return prompts, [one.tokens for one in drawn], per_token, None


def test_vllm_is_asked_for_log_probabilities_and_given_the_weights_once_a_step(tmp_path):
    built = build_trainer(TASK, Objective.named("tempered"), POLICY, tmp_path, learning_rate=0.0, max_steps=1, **SIZES)
    generation = FakeGeneration(POLICY, SamplingOptions(3, EOS_IDS))
    built.engine = Vllm(built, built.sampling, generation)
    built.train()
    first, second = built.rollouts(TASK.prompts, 2, "a"), built.rollouts(TASK.prompts, 2, "b")
    assert generation.synced == 2, "before the step, and once after it"
    assert [len(group) for group in first] == [len(group) for group in second] == [2, 2, 2]
    assert generation.generation_kwargs == {"ignore_eos": False}


def test_an_adapter_is_added_in_without_touching_the_weights(tmp_path):
    lora = adapter_config(Lora(rank=2, scale=4))
    built = build_trainer(
        TASK,
        Objective.named("tempered"),
        TASK.start,
        tmp_path,
        learning_rate=0.0,
        max_steps=1,
        peft_config=lora,
        **SIZES,
    )
    before = dict(TASK.start.named_parameters())
    with torch.no_grad():
        for name, weight in built.model.named_parameters():
            if "lora_B" in name:
                weight.normal_()
    plain = dict(plain_weights(built.model))
    assert set(plain) == set(before)
    changed = {name for name, weight in plain.items() if not torch.equal(weight, before[name])}
    assert changed == {name for name in before if "_proj" in name}
    merged = copy.deepcopy(TASK.start)
    merged.load_state_dict(plain, strict=False)
    torch.testing.assert_close(
        TASK.log_probabilities(merged), TASK.log_probabilities(built.model), atol=1e-5, rtol=0, check_dtype=False
    )

"""Samples that somebody else drew get the log-probabilities that transformers itself gives them."""

from pathlib import Path

import pandas as pd
import pytest
import torch

from beyond_sharpening.errors import BadInput
from beyond_sharpening.evaluation.retokenised import Retokeniser
from beyond_sharpening.evaluation.scoring import Scorer, score_samples
from beyond_sharpening.models.policy import Policy, save_policy
from beyond_sharpening.parameters import Hardware, Task
from beyond_sharpening.readers.prompts import Prompt
from models.families import publish

TASK = Task(prompt="{question}", max_completion_tokens=8, grader="beyond_sharpening.grading:grade")
HARDWARE = Hardware(
    device="cpu", dtype="float32", train_batch=1, generation_batch=3, grading_workers=1, gradient_checkpointing=False
)


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Policy:
    return publish("qwen25_3b", tmp_path_factory.mktemp("models") / "base")


@pytest.fixture(scope="module")
def trained(base) -> list[Policy]:
    """Two seeds of a training, each moved away from the base in its own direction."""
    moved = []
    for seed in (0, 1):
        model, generator = base.model(), torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for weight in model.parameters():
                weight += 0.05 * torch.randn(weight.shape, generator=generator)
        moved.append(save_policy(model, base.tokenizer(), base.path.parent / f"grpo-{seed}"))
    return moved


@pytest.fixture
def samples() -> pd.DataFrame:
    """Of the base and of both seeds: one answer cut short, two that are the same."""
    rows = [
        (policy, seed, str(problem), sample, text, policy != "Qwen" or sample == 0, text == "so it")
        for policy, seed in (("Qwen", 0), ("grpo", 3), ("grpo", 8))
        for problem in range(2)
        for sample, text in enumerate(["It is 2.", "2", "so it" if seed else "2"])
    ]
    columns = ["policy", "train_seed", "problem_id", "sample_id", "completion", "correct", "truncated"]
    table = pd.DataFrame(rows, columns=columns).assign(benchmark="sums")
    return table.assign(prompt=[Prompt("question", f"1 + {problem}?") for problem in table["problem_id"]])


def scored(samples: pd.DataFrame, base: Policy, trained: list[Policy], folder: Path, **options):
    tokenizer = base.tokenizer()
    ends = [tokenizer.eos_token_id]
    retokeniser = Retokeniser(tokenizer, ends, TASK, None)
    return score_samples(samples, "Qwen", base, {"grpo": trained}, retokeniser, Scorer(HARDWARE, folder), **options)


def plainly(policy: Policy, question: str, completion: str, ends: bool) -> float:
    """The same by one forward pass of transformers over one sequence."""
    tokenizer, model = policy.tokenizer(), policy.model()
    asked = tokenizer.apply_chat_template(
        [{"role": "user", "content": question}], add_generation_prompt=True, return_dict=False
    )
    said = tokenizer(completion, add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id] * ends
    with torch.no_grad():
        logp = model(torch.tensor([[*asked, *said]])).logits[0].log_softmax(-1)
    places = range(len(asked) - 1, len(asked) - 1 + len(said))
    return float(sum(logp[place, token] for place, token in zip(places, said, strict=True)))


def test_they_are_those_of_transformers_under_the_base_and_under_the_seed_that_drew_them(
    samples, base, trained, tmp_path
):
    found, cross, _ = scored(samples, base, trained, tmp_path)
    drew = {0: base, 3: trained[0], 8: trained[1]}
    for row in found.itertuples():
        asked = (f"1 + {row.problem_id}?", row.completion, not row.truncated)
        assert row.logp_base == pytest.approx(plainly(base, *asked), abs=1e-4)
        assert row.logp_policy == pytest.approx(plainly(drew[row.train_seed], *asked), abs=1e-4)
    assert "prompt" not in found
    assert found["n_tokens"].min() >= 2, "lengths are filled in, EOS included"
    of_base = found[found["policy"] == "Qwen"].reset_index(drop=True)
    for seed, model in ((3, trained[0]), (8, trained[1])):
        under = cross[cross["train_seed"] == seed].merge(of_base, on=["problem_id", "sample_id"])
        expected = [plainly(model, f"1 + {row.problem_id}?", row.completion, True) for row in under.itertuples()]
        assert under["logp_policy_x"].tolist() == pytest.approx(expected, abs=1e-4)
        assert len(under) == len(of_base)


def test_parts_that_are_there_are_not_made_again(samples, base, trained, tmp_path, monkeypatch):
    first = scored(samples, base, trained, tmp_path)
    monkeypatch.setattr(Policy, "model", None)
    again = scored(samples, base, trained, tmp_path)
    pd.testing.assert_frame_equal(again.samples, first.samples)


def test_where_no_column_says_what_was_cut_short_the_limit_does(samples, base, trained, tmp_path):
    untold = samples.drop(columns="truncated")
    limit = len(base.tokenizer()("It is 2.")["input_ids"])
    found, _, notes = scored(untold, base, trained, tmp_path, max_tokens=limit)
    longest = found[found["completion"] == "It is 2."]
    assert longest["truncated"].all()
    assert not found.drop(longest.index)["truncated"].any()
    assert longest["logp_base"].iloc[0] == pytest.approx(plainly(base, "1 + 0?", "It is 2.", False), abs=1e-4)
    assert "no column says which completions were cut short" in notes[-3]


def test_samples_that_their_policy_finds_less_likely_than_its_base_are_told(samples, base, trained, tmp_path):
    """The KL of a policy to its base is no less than 0."""
    swapped = samples.assign(policy=samples["policy"].map({"Qwen": "other", "grpo": "grpo"}))
    drawn = swapped[swapped["train_seed"] == 3]
    model = trained[0].model()
    with torch.no_grad():
        model.lm_head.weight.mul_(-3)
    far = save_policy(model, base.tokenizer(), tmp_path / "far")
    _, _, notes = scored(drawn, base, [far], tmp_path)
    assert notes[-1].endswith("likelier than another does: did this one, asked so?")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"prompt": None}, r"18 of 18 samples have no prompt, the first of problem '0' of Qwen: .*score\.columns\."),
        ({"completion": None}, r"18 of 18 samples have no completion, .*score\.columns\.THEIRS=completion"),
        ({"train_seed": 0}, r"policies\.grpo\.path names 2 models, .* its samples are of 1 \(train_seed 0\)"),
        ({"completion": "2" * 40000}, r"have 400\d\d tokens, more than the 32768 of the start model's context"),
    ],
)
def test_what_cannot_be_scored_is_said(samples, base, trained, tmp_path, changed, told):
    with pytest.raises(BadInput, match=told):
        scored(samples.assign(**changed), base, trained, tmp_path)

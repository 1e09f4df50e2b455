"""A real language model: SmolLM2-135M-Instruct samples, scores, is graded and learns. `make smollm2` fetches it."""

import os
from pathlib import Path

import pytest
import torch
import yaml

from beyond_sharpening.decoding import score
from beyond_sharpening.evaluation import Arm, Exam, evaluate
from beyond_sharpening.grading.number import last_number
from beyond_sharpening.models.policy import Policy
from beyond_sharpening.models.start_model import fetch_policy
from beyond_sharpening.parameters import Evaluation, Hardware, HubBase, Task
from beyond_sharpening.parameters.sources import QuestionsSource
from beyond_sharpening.problems import prompt_token_ids
from beyond_sharpening.problems.questions import short_questions
from beyond_sharpening.training import TrainingTask
from training.small_cell import nowhere, options, train

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / "data" / "01_raw" / "smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf"
pytestmark = [
    pytest.mark.whole,
    pytest.mark.skipif(not WEIGHTS.is_file(), reason="the weights of SmolLM2 are not there: make smollm2"),
]
BLOCKS = {
    name: yaml.safe_load((ROOT / "conf" / "base" / f"parameters_{name}.yml").read_text())[name]
    for name in ("models", "domains")
}
HARDWARE = Hardware(
    device="cpu", dtype="float32", train_batch=4, generation_batch=64, grading_workers=1, gradient_checkpointing=False,
    threads=os.cpu_count(),
)  # fmt: skip
PROBLEMS = short_questions(
    "word_sums", QuestionsSource(type="questions", kinds=["word_sum"], size=12), seed=0, split="benchmark"
)
BASE = Arm("smollm2_135m", "base", "default", "last", 0)


@pytest.fixture(scope="module")
def policy(tmp_path_factory) -> Policy:
    block = BLOCKS["models"]["smollm2_135m"]["base"]
    here = {"path": str(WEIGHTS.parent), "gguf": WEIGHTS.name, "pad_token": "<|endoftext|>"}
    return fetch_policy(HubBase.model_validate(block | here), tmp_path_factory.mktemp("smollm2") / "policy")


@pytest.fixture(scope="module")
def task() -> Task:
    return Task.model_validate(BLOCKS["domains"]["small_sums"]["task"])


@pytest.fixture(scope="module")
def samples(policy, task):
    asked = {"temperature": {"type": "temperature", "samples": 4}, "greedy": {"type": "greedy"}}
    decoders = Evaluation(decoders=asked, checkpoints=["last"]).decoders
    return evaluate(BASE, policy, policy, Exam(PROBLEMS, task, decoders, 0, HARDWARE))


def test_it_answers_sums_in_words_and_better_greedily(samples):
    right = samples.groupby("decoder")["correct"].mean()
    assert right["greedy"] >= 0.25, "half of a hundred such questions are answered"
    assert right["greedy"] > right["temperature"] > 0


def test_its_samples_score_what_it_says_of_them(policy, task, samples):
    questions = {problem.id: problem.question for problem in PROBLEMS}
    asked = [questions[row] for row in samples["problem_id"]]
    prompts = prompt_token_ids(policy.tokenizer(), asked, task.prompt, task.system_prompt)
    scores = score(policy.model(), prompts, samples["tokens"].tolist(), 64)
    assert samples["logp_policy"].tolist() == pytest.approx(scores.tolist(), abs=2e-3)


@pytest.mark.parametrize("lora", [None, {"rank": 4, "scale": 8}], ids=["all weights", "adapter"])
def test_a_step_moves_it(policy, task, lora, tmp_path):
    asked = {"steps": 2, "prompts_per_step": 2, "completions_per_prompt": 4, "learning_rate": 1e-4, "warmup_steps": 0}
    cell = options("sharpening", **asked, validation_samples=1, **({"lora": lora} if lora else {}))
    given = TrainingTask(PROBLEMS[:8], PROBLEMS[8:], task.prompt, last_number, max_completion_tokens=8)
    result = train(policy, given, cell, HARDWARE, 0, tmp_path, nowhere)
    assert len(result.history) >= 2
    before, after = policy.model().state_dict(), result.last.model().state_dict()
    moved = {name for name, weight in before.items() if not torch.equal(weight, after[name])}
    assert any("q_proj" in name for name in moved)
    assert any("embed_tokens" in name for name in moved) == (lora is None)

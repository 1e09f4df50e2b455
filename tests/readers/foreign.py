"""Small files as other systems write them: two problems (2 + 3, 3 + 4), whatever samples the tests ask for."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

GOLDS = {"0": "5", "1": "7"}
Answers = Mapping[str, Sequence[str]]
"""What was answered to each problem: a text a sample."""

STRONG: Answers = {"0": [r"\boxed{5}", r"\boxed{5}"], "1": [r"\boxed{7}", r"\boxed{6}"]}
WEAK: Answers = {"0": [r"\boxed{5}", r"\boxed{4}"], "1": [r"\boxed{6}", r"\boxed{6}"]}
RIGHT = {"strong": [True, True, True, False], "weak": [True, False, False, False]}


def write_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def right(problem: str, answer: str) -> bool:
    return answer == rf"\boxed{{{GOLDS[problem]}}}"


def csv(path: Path, **policies: Answers) -> Path:
    rows = [
        {"policy": policy, "problem_id": problem, "correct": int(right(problem, answer))}
        for policy, answers in policies.items()
        for problem, given in answers.items()
        for answer in given
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def lm_eval(folder: Path, answers: Answers, filters: Sequence[str] = ("none",), task: str = "gsm8k") -> Path:
    """Model folder with samples and the results beside them; repeats where a problem has several answers."""
    lines = []
    for name in filters:
        for problem, given in answers.items():
            taken = "[invalid]" if name == "strict-match" else given[0]
            repeated = list(given) if name.startswith("take_first_k") else taken
            lines.append(
                {
                    "doc_id": int(problem),
                    "doc": {"question": "?", "answer": f"so it is\n#### {GOLDS[problem]}"},
                    "target": f"so it is\n#### {GOLDS[problem]}",
                    "arguments": {"gen_args_0": {"arg_0": "Q: ?", "arg_1": {"until": ["Q:"], "temperature": 1.0}}},
                    "resps": [list(given)],
                    "filtered_resps": [repeated],
                    "filter": name,
                    "metrics": ["exact_match"],
                    "doc_hash": f"{problem}" * 64,
                    "prompt_hash": "0" * 64,
                    "target_hash": "0" * 64,
                    "exact_match": float(name != "strict-match" and right(problem, given[0])),
                }
            )
    results = {"results": {task: {"alias": task}}, "config": {"model": "hf"}, "model_name": folder.name}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results_2026-01-05T10-11-12.131415.json").write_text(json.dumps(results), encoding="utf-8")
    return write_lines(folder / f"samples_{task}_2026-01-05T10-11-12.131415.jsonl", lines)


def lm_eval_choices(folder: Path) -> Path:
    """A task of multiple choice: log-likelihoods of the choices, no completion."""
    line = {
        "resps": [[["-1.5", "False"]], [["-2.5", "False"]]],
        "filtered_resps": [["-1.5", "False"], ["-2.5", "False"]],
        "filter": "none",
        "metrics": ["acc", "acc_norm"],
        "target": "0",
    }
    lines = [{"doc_id": 0, "acc": 1.0, "acc_norm": 0.0} | line, {"doc_id": 1, "acc": 0.0, "acc_norm": 1.0} | line]
    return write_lines(folder / "samples_arc_easy_2026-01-05T10-11-12.131415.jsonl", lines)


def lighteval(folder: Path, model: str, answers: Answers) -> Path:
    """Details as version 0.11 and later write them."""
    date = "2026-01-05T10-11-12.131415"
    rows = [
        {
            "doc": {
                "query": f"problem {problem}",
                "choices": [f"We add. The answer is $\\boxed{{{GOLDS[problem]}}}$."],
                "gold_index": [0],
                "id": problem,
                "task_name": "math_500|0",
            },
            "metric": {"extractive_match": float(right(problem, given[0]))},
            "model_response": {"text": list(given), "output_tokens": [[1] * (3 + i) for i in range(len(given))]},
        }
        for problem, given in answers.items()
    ]
    path = folder / "details" / model / date / f"details_math_500|0_{date}.parquet"
    path.parent.mkdir(parents=True)
    pd.DataFrame(rows).to_parquet(path)
    return path


def lighteval_before_structs(path: Path, answers: Answers) -> Path:
    """Details as versions before 0.11 write them: columns, most of them cast to text."""
    rows = [
        {
            "example": f"problem {problem}",
            "full_prompt": f"problem {problem}",
            "gold": str([GOLDS[problem]]),
            "predictions": str(list(given)),
            "metrics": {"qem": float(right(problem, given[0]))},
        }
        for problem, given in answers.items()
    ]
    path.parent.mkdir(parents=True)
    pd.DataFrame(rows).to_parquet(path)
    return path


def inspect_log(model: str, answers: Answers) -> dict[str, Any]:
    samples = [
        {
            "id": int(problem) + 1,
            "epoch": epoch,
            "input": "?",
            "target": GOLDS[problem],
            "output": {
                "model": model,
                "choices": [
                    {
                        "message": {
                            "role": "assistant",
                            "content": [{"type": "reasoning", "reasoning": "…"}, {"type": "text", "text": answer}],
                        },
                        "stop_reason": "max_tokens" if epoch == 2 else "stop",
                    }
                ],
                "usage": {"input_tokens": 9, "output_tokens": 4 + epoch, "total_tokens": 13 + epoch},
            },
            "scores": {"match": {"value": "C" if right(problem, answer) else "I", "answer": answer}},
        }
        for problem, given in answers.items()
        for epoch, answer in enumerate(given, 1)
    ]
    return {
        "version": 2,
        "status": "success",
        "eval": {"task": "inspect_evals/gsm8k", "model": model},
        "plan": {},
        "samples": samples,
    }


def inspect_eval(path: Path, log: Mapping[str, Any], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", compression) as packed:
        packed.writestr("_journal/start.json", json.dumps({"version": 2, "eval": log["eval"], "plan": {}}))
        for sample in log["samples"]:
            packed.writestr(f"samples/{sample['id']}_epoch_{sample['epoch']}.json", json.dumps(sample))
        packed.writestr("header.json", json.dumps({key: log[key] for key in ("version", "status", "eval", "plan")}))
    return path


def verl(folder: Path, step: int, answers: Answers) -> Path:
    lines = [
        {
            "input": f"user\nproblem {problem}\nassistant\n",
            "output": answer,
            "gts": GOLDS[problem],
            "score": 1.0 if right(problem, answer) else -1.0,
            "step": step,
            "pred": answer,
        }
        for problem, given in answers.items()
        for answer in given
    ]
    return write_lines(folder / f"{step}.jsonl", lines)


def limit_of_rlvr(folder: Path, answers: Answers) -> Path:
    lines = [
        {
            "idx": int(problem),
            "question": "?",
            "gt_cot": "",
            "gt": GOLDS[problem],
            "level": 3,
            "answer": GOLDS[problem],
            "code": list(given),
            "pred": [answer.removeprefix(r"\boxed{").removesuffix("}") for answer in given],
            "report": [None] * len(given),
            "finish_reason": ["length", *["stop"] * (len(given) - 1)],
            "score": [right(problem, answer) for answer in given],
        }
        for problem, given in answers.items()
    ]
    (folder / "math500").mkdir(parents=True)
    (folder / "math500" / "test_qwen-boxed_-1_seed0_t0.6_s0_e-1_metrics.json").write_text('{"acc": 50.0}')
    return write_lines(folder / "math500" / "test_qwen-boxed_-1_seed0_t0.6_s0_e-1.jsonl", lines)


def trl(folder: Path, step: int, answers: Answers, **rewards: float) -> Path:
    rows = [
        {
            "step": step,
            "prompt": [{"role": "user", "content": f"problem {problem}"}],
            "completion": [{"role": "assistant", "content": answer}],
            "accuracy_reward": float(right(problem, answer)),
            **rewards,
            "solution": f"\\boxed{{{GOLDS[problem]}}}",
            "advantage": 0.25,
        }
        for problem, given in answers.items()
        for answer in given
    ]
    path = folder / "completions" / f"completions_{step:05d}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_parquet(path)
    return path

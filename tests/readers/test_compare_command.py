"""``kedro compare``: from files to the report, in words about them alone."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from foreign import STRONG, WEAK, csv, lm_eval

from beyond_sharpening.analysis.validation.worlds import draw_samples, make_world, member
from beyond_sharpening.cli import cli

OURS = ("arithmetic", "tiny", "task reward", "sharpening objective", "tempered", "tilted", "null control", "greedy")
N_PROBLEMS, N_SAMPLES = 40, 8


def compare(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["compare", *map(str, arguments)])


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> Path:
    """Two policies on forty problems: the trained one solves far more at one try."""
    rng = np.random.default_rng(0)
    rates = rng.uniform(0.1, 0.5, N_PROBLEMS)
    drawn = [
        {"model": policy, "question_id": problem, "is_correct": int(rng.random() < rates[problem] + gain)}
        for policy, gain in (("lab/Qwen2.5-7B", 0.0), ("me/Qwen2.5-7B-GRPO", 0.3))
        for problem in range(N_PROBLEMS)
        for _ in range(N_SAMPLES)
    ]
    path = tmp_path_factory.mktemp("samples") / "two.csv"
    pd.DataFrame(drawn).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def compared(two) -> tuple[Result, Path]:
    out = two.parent / "verdict"
    return compare(two, f"--out={out}"), out


def test_it_says_what_it_guessed_and_the_verdict(compared):
    result, out = compared
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[:5] == [
        "1 file read as plain table: Qwen2.5-7B, Qwen2.5-7B-GRPO",
        "read as ours: `question_id` = problem_id, `is_correct` = correct, `model` = policy",
        "what is correct is what the files say",
        "the base is taken to be Qwen2.5-7B, which the other names begin with; --base=NAME says otherwise",
        "primary contrasts are Qwen2.5-7B-GRPO:Qwen2.5-7B; --primary=A:B,… says otherwise",
    ]
    assert "Qwen2.5-7B-GRPO gives more right answers than Qwen2.5-7B (about these checkpoints)." in lines
    assert lines[-1] == f"The report: {out / 'report.html'}"


def test_the_summary_is_the_pipelines_with_the_mean_of_what_was_read(compared, two):
    _, out = compared
    told = json.loads((out / "summary.json").read_text())
    means = pd.read_csv(two).groupby("model")["is_correct"].mean()
    found = {row["policy"]: row["pass@1"] for row in told["rows"]}
    assert found == {
        "base": pytest.approx(means["lab/Qwen2.5-7B"]),
        "Qwen2.5-7B-GRPO": pytest.approx(means["me/Qwen2.5-7B-GRPO"]),
    }
    assert told["model"] == "Qwen2.5-7B"
    (contrast,) = told["comparisons"]
    assert (contrast["a"], contrast["b"], contrast["family"]) == ("Qwen2.5-7B-GRPO", "base", "primary")
    assert contrast["difference"] == pytest.approx(found["Qwen2.5-7B-GRPO"] - found["base"])


def test_the_report_is_about_the_policies_and_says_what_is_absent(compared):
    _, out = compared
    text = (out / "report.md").read_text()
    assert text.startswith("# Did Qwen2.5-7B-GRPO learn something new, or only sharpen Qwen2.5-7B?\n")
    assert [word for word in OURS if word in text.lower()] == []
    assert r"- no \`answer\`: majority votes" in text
    assert "majority of" not in text
    assert "nan" not in text.lower()
    assert "| policy | checkpoint | decoder | benchmark | pass@1 | pass@8 |\n" in text
    assert "<img" in (out / "report.html").read_text()
    assert {path.name for path in (out / "figures").iterdir()} == {"contrasts.png", "pass_at_k.png"}


def test_the_samples_written_are_read_again(compared, tmp_path):
    """What is absent stays so."""
    _, out = compared
    again = compare(out / "samples.parquet", f"--out={tmp_path}", "--base=base")
    assert again.exit_code == 0, again.output
    before, after = (json.loads((folder / "summary.json").read_text()) for folder in (out, tmp_path))
    assert [row["pass@1"] for row in before["rows"]] == [row["pass@1"] for row in after["rows"]]


def test_policies_are_named_on_the_command_line(tmp_path):
    lm_eval(tmp_path / "a", WEAK)
    lm_eval(tmp_path / "b", STRONG)
    result = compare(f"start={tmp_path / 'a'}", f"mine={tmp_path / 'b'}", "--base=start", f"--out={tmp_path / 'out'}")
    assert result.exit_code == 0, result.output
    assert "mine and start are not told apart in right answers (about these checkpoints)." in result.output
    text = (tmp_path / "out" / "report.md").read_text()
    assert "majority of 2 right" in text, "what was graded has answers to vote"
    assert "## Completions to read" in text


@pytest.fixture(scope="module")
def with_likelihoods(tmp_path_factory) -> tuple[Result, Path]:
    """A base, a policy that sharpens it and one that tilts it, made exactly, under names of their own."""
    drawn, _ = draw_samples(make_world(3, 100), {"mine": member(2), "grpo": member(1, 2)}, n_samples=16)
    drawn["policy"] = drawn["policy"].replace("base", "Qwen")
    folder = tmp_path_factory.mktemp("likelihoods")
    drawn.drop(columns="model").to_parquet(folder / "three.parquet")
    return compare(folder / "three.parquet", "--base=Qwen", f"--out={folder / 'out'}"), folder / "out"


def test_where_the_base_was_asked_how_likely_it_found_them_each_training_is_named(with_likelihoods):
    result, out = with_likelihoods
    assert result.exit_code == 0, result.output
    assert "grpo only picked out what is right among what the base already did; mine only sharpened" in result.output
    text = (out / "report.md").read_text()
    assert "- **grpo: tilt.** It picks the right ones among what the base already does" in text
    assert "- **mine: sharpening.** It is surer of what the base already found likely" in text
    named = {row["policy"]: row["name"] for row in json.loads((out / "summary.json").read_text())["mechanism"]}
    assert named == {"grpo": "tilt", "mine": "sharpening"}
    assert "| rule: margin | 0.02 |" in text
    assert "outside: 0.55" in text, "the rule stands beside what was decided by it"
    assert {"mechanism.png", "divergence.png"} <= {path.name for path in (out / "figures").iterdir()}


def test_without_likelihoods_it_is_said_that_nobody_can_tell_what_training_did(compared):
    result, out = compared
    text = (out / "report.md").read_text()
    assert "- **Qwen2.5-7B-GRPO: undetermined.** These samples do not say what it did." in text
    assert "Not everything could be asked of these samples: no logp_base: α, β, shift, ceiling; no logp_policy" in text
    assert "only" not in result.output, "and the headline makes no claim of it"


def test_coverage_and_what_could_have_been_seen_are_told_of_any_policies(compared):
    _, out = compared
    text = (out / "report.md").read_text()
    assert "| more solved, in points | problems |" in text
    assert "## How much these samples can show" in text
    assert "**Two seeds never reach it**" in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["{}/none"], "is not there: name a file or a folder with samples"),
        (["{}/two.csv", "--base=gpt"], "--base=gpt: unknown; the policies are weak, strong"),
        (["{}/two.csv"], "which policy is the base, that the others were trained from? Say --base=NAME; the policies"),
        (
            ["{}/two.csv", "--base=weak", "--columns=correct"],
            "--columns: 'correct' is not THEIRS=OURS, as is_right=corr",
        ),
        (["{}/two.csv", "--columns=a=correct,b=correct"], "--columns: both 'a' and 'b' are to be 'correct'"),
        (
            ["{}/positive.csv", "--base=weak"],
            "column 'logp_base' is no log-probability: above 0, or infinite, in 4 of 8 rows; row 4: 0.5, row 5: 0.5",
        ),
        (["{}/two.csv", "--base=weak", "--out={}/two.csv/x"], "/two.csv/x: cannot be written (Not a directory)"),
    ],
)
def test_bad_input_is_one_message(tmp_path, arguments, told):
    csv(tmp_path / "two.csv", weak=WEAK, strong=STRONG)
    two = pd.read_csv(tmp_path / "two.csv")
    two.assign(logp_base=np.repeat([-1.0, 0.5], len(two) // 2)).to_csv(tmp_path / "positive.csv", index=False)
    result = compare(*(argument.format(tmp_path) for argument in arguments))
    assert result.exit_code == 1
    assert told in result.output
    assert result.output.startswith("Error: ")
    assert len(result.output.splitlines()) == 1 + told.startswith("column ")


@pytest.mark.whole
def test_no_model_library_is_loaded(two, tmp_path):
    """Importing torch or transformers alone takes longer than the comparison."""
    code = (
        "import sys; from click.testing import CliRunner; from beyond_sharpening.cli import cli; "
        f"result = CliRunner().invoke(cli, ['compare', {str(two)!r}, '--out={tmp_path}']); "
        "heavy = {'torch', 'transformers', 'trl', 'mlflow', 'datasets'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy or result.exit_code else 0)"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr

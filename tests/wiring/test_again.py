"""``--again=STAGE`` makes that stage anew, over what is there, and keeps the rest."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from kedro.framework.project import pipelines
from kedro.framework.startup import bootstrap_project

from beyond_sharpening.cli import cli
from beyond_sharpening.errors import BadInput
from beyond_sharpening.wiring.again import EVERYTHING, guarded_anew, nodes_anew
from beyond_sharpening.wiring.dry_run import stages

ROOT = Path(__file__).resolve().parents[2]
PIPELINE = "evaluate_sharpening"


@pytest.fixture(scope="module", autouse=True)
def _project() -> None:
    bootstrap_project(ROOT)


@pytest.mark.parametrize(
    ("asked", "anew"),
    [
        ([], set()),
        (["prepare"], {"prepare_data", "prepare_base"}),
        (["train_sharpening", "evaluate"], {"train_sharpening", "evaluate"}),
        ([EVERYTHING], {"prepare_data", "prepare_base", "train_sharpening", "evaluate"}),
    ],
)
def test_a_stage_is_named_in_full_or_by_its_kind(asked: list[str], anew: set[str]) -> None:
    assert set(stages(nodes_anew(pipelines[PIPELINE], asked))) == anew


def test_what_carries_a_manifest_is_known_by_it() -> None:
    assert guarded_anew(pipelines[PIPELINE], ["prepare"]) == {"problems", "benchmarks", "base"}
    assert guarded_anew(pipelines[PIPELINE], ["evaluate"]) == {"base_samples", "sharpening_samples"}


def test_a_stage_that_is_not_to_run_is_refused_with_those_that_are() -> None:
    with pytest.raises(
        BadInput, match="--again=report: no stage of what is to run; those are: prepare, evaluate, train"
    ):
        nodes_anew(pipelines[PIPELINE], ["train", "report"])


def run(data: Path, *arguments: str, asked: str = "") -> tuple[int, str]:
    bootstrap_project(ROOT)
    parameters = f"--params=data={data}{asked}"
    result = CliRunner().invoke(cli, ["run", "--env=test", f"--pipelines={PIPELINE}", parameters, *arguments])
    return result.exit_code, " ".join(result.output.split())


def changed(data: Path, since: dict[Path, int]) -> set[str]:
    """The folders and kinds of the files that have been written, or written anew."""
    return {
        "/".join(file.relative_to(data).parts[:3:2]) for file, time in times(data).items() if since.get(file) != time
    }


def times(data: Path) -> dict[Path, int]:
    return {file: file.stat().st_mtime_ns for file in data.glob("0*/**/*.parquet")} | {
        file: file.stat().st_mtime_ns for file in data.glob("06_models/**/*.safetensors")
    }


@pytest.mark.whole
@pytest.mark.filterwarnings("ignore:register_new_resolver", "ignore:.*type hints")
def test_stages_are_made_anew_and_the_rest_is_kept(
    tmp_path: Path, with_store: Callable[[Path], Path], caplog: pytest.LogCaptureFixture
) -> None:
    data = with_store(tmp_path)
    assert run(data)[0] == 0
    before = times(data)
    assert run(data)[0] == 0
    assert changed(data, before) == set()

    assert run(data, "--again=evaluate")[0] == 0
    assert changed(data, before) == {"07_model_output/base", "07_model_output/parts", "07_model_output/sharpening"}
    assert set(times(data)) == {*before}, "the parts have the names that they had"

    before = times(data)
    assert run(data, "--again=train")[0] == 0
    assert changed(data, before) == {"06_models/sharpening"}
    assert "made of what is now made anew: evaluate; --again=train+evaluate makes that anew too" in caplog.text

    other = ",base.architecture.hidden_size=32"
    code, told = run(data, asked=other)
    assert code == 1
    assert "or make it anew in its place, with what was made of it: --again=prepare+train+evaluate." in told
    code, told = run(data, "--again=prepare", asked=other)
    assert code == 1, "what was trained from it is stale still"
    assert "--again=train+evaluate." in told
    assert changed(data, before) == {"06_models/sharpening"}, "nothing was made"
    assert run(data, "--again=prepare+train+evaluate", asked=other)[0] == 0
    assert run(data, asked=other)[0] == 0

"""The theory as a pipeline: a claim that fails is saved, named, and fails the run."""

from pathlib import Path

import pandas as pd
import pytest
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from matplotlib.backends.backend_agg import FigureCanvasAgg

from beyond_sharpening.errors import TheoryFails
from beyond_sharpening.objectives import PRIMARY
from beyond_sharpening.pipelines.theory.nodes import draw_theory, require_theory
from beyond_sharpening.theory import propositions
from beyond_sharpening.theory.propositions.check import Check, claim, claims_table, series_table

pytestmark = pytest.mark.whole

ROOT = Path(__file__).resolve().parents[2]


def check(number: int, computed: float = 1.0) -> Check:
    series = {
        "A panel": pd.DataFrame({"k": [1, 10, 100], "value": [0.0, 0.5, 1.0]}),
        "Another": pd.DataFrame({"x": [0, 1, 0, 1], "y": [0, 1, 1, 0], "policy": ["a", "a", "b", "b"]}),
    }
    return Check(number, f"Title {number}", "So it is.", pd.DataFrame([claim("one", computed, "=", 1)]), series)


def test_a_claim_that_fails_is_named_with_both_sides() -> None:
    claims = claims_table([check(1), check(2, computed=1.5)])
    with pytest.raises(TheoryFails, match=r"1 of 2 claims.*\n  2\. Title 2: one is 1\.5, but should be = 1"):
        require_theory(claims)


def test_claims_that_hold_are_counted_for_the_tracker() -> None:
    metrics, _ = require_theory(claims_table([check(1), check(2)]))
    assert metrics == {"claims that hold": {"value": 2.0, "step": 0}}


def test_every_series_is_a_panel_and_every_line_is_named() -> None:
    checks = [check(1), check(10)]
    figures = draw_theory(claims_table(checks), series_table(checks))
    assert list(figures) == ["theory_01.png", "theory_10.png"]
    first, second = figures["theory_10.png"].axes
    assert (first.get_title(), first.get_xscale(), first.get_xlabel()) == ("A panel", "log", "k")
    named = [text.get_text() for text in figures["theory_10.png"].legends[0].get_texts()]
    assert [name for name in named if name in ("a", "b")] == ["a", "b"]
    assert len(second.get_lines()) == 2
    FigureCanvasAgg(figures["theory_01.png"]).draw()


def test_a_failing_claim_fails_the_run_after_its_table_is_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = [check(number, computed=number / 3) for number in range(1, 11)]
    monkeypatch.setattr(propositions, "check_propositions", lambda seed: checks)
    bootstrap_project(ROOT)
    with (
        KedroSession.create(ROOT, env="test", runtime_params={"data": str(tmp_path)}) as session,
        pytest.raises(TheoryFails, match="9 of 11 claims"),
    ):
        session.run(pipeline_names=["theory"])
    saved = pd.read_parquet(tmp_path / "08_reporting/theory/checks.parquet")
    assert (~saved["holds"]).sum() == 9
    drawn = {path.name for path in (tmp_path / "08_reporting/figures").iterdir()}
    assert drawn == {f"theory_{number:02d}.png" for number in range(1, 12)}


def test_sharpening_is_predicted_before_anything_is_trained() -> None:
    bootstrap_project(ROOT)
    nodes = pipelines["__default__"].nodes
    (predicts,) = [place for place, node in enumerate(nodes) if "sharpening_prediction" in node.outputs]
    trains = [place for place, node in enumerate(nodes) if "train" in node.tags]
    assert len(trains) == len(PRIMARY)
    assert predicts < min(trains)

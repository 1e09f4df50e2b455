"""``--pipeline=`` is how this project is asked for; Kedro, which has a newer option, says nothing of it."""

import re
import warnings

import pytest
from click.testing import CliRunner
from kedro import KedroDeprecationWarning
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from beyond_sharpening.cli import cli
from test_pipelines import ROOT

OTHER_FORM = re.compile(r"--pipelines=\w+(?![\w,])|(?:-p|--pipelines?) \w+")


@pytest.mark.parametrize("option", ["--pipeline=compare", "--pipelines=compare", "-pcompare"])
def test_either_option_runs_it_without_a_word_of_deprecation(monkeypatch, option):
    bootstrap_project(ROOT)
    asked: list[list[str]] = []
    monkeypatch.setattr(KedroSession, "run", lambda self, pipeline_names, **options: asked.append(pipeline_names) or {})
    with warnings.catch_warnings():
        warnings.simplefilter("error", KedroDeprecationWarning)
        result = CliRunner().invoke(cli, ["run", option], catch_exceptions=False)
    assert result.exit_code == 0
    assert "deprecated" not in result.output
    assert asked == [["compare"]]


def test_what_is_written_asks_for_one_pipeline_in_one_form():
    written = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("notebooks/*"), *ROOT.glob("conf/**/*.yml")]
    assert len(written) > 20
    other = {file.name: found for file in written if (found := OTHER_FORM.findall(file.read_text("utf-8")))}
    assert other == {}

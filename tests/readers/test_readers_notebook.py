"""The notebook on bringing samples runs from top to bottom, and ends in a report."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


@pytest.mark.whole
def test_the_notebook_goes_from_files_to_a_report():
    notebook = nbformat.read(NOTEBOOKS / "03_bring_your_own_samples.ipynb", as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(NOTEBOOKS)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    printed = "".join(output.text for output in outputs if output.output_type == "stream")
    assert "2 files read as plain table: base, grpo" in printed
    assert "grpo gives more right answers than base (about these checkpoints)." in printed
    assert "'report.html'" in outputs[-1].data["text/plain"]
    assert any("image/png" in output.get("data", {}) for output in outputs)

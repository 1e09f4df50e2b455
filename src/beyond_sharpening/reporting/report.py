"""The report: one Markdown text, and the same text as a single HTML page that can be mailed."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any, Protocol, TypedDict

from jinja2 import Environment, PackageLoader, StrictUndefined

from beyond_sharpening.reporting import tables
from beyond_sharpening.reporting.decoding import cost_table, diagnostics_table, mixing_warnings
from beyond_sharpening.reporting.labels import interval_note, look, rank

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from matplotlib.figure import Figure

OBJECTIVES = ("task_reward", "sharpening", "tempered", "tilted")
EXPLAINED_PROPOSITIONS = (3, 5, 11)  # the template says in words what is to be seen in their figures


class Verdict(Protocol):
    """What the comparison decided: a headline, a few short lines, and a note on what is uncertain."""

    @property
    def headline(self) -> str: ...
    @property
    def lines(self) -> Sequence[str]: ...
    @property
    def note(self) -> str: ...


class Run(TypedDict):
    """What was run. Parameters worth stating may be nested one level: block -> name -> value.

    ``differing``: settings in which what is compared differs though it should not, a line each; ``unknown``: samples
    tables of which nothing is known.
    """

    model: str
    seeds: Mapping[str, Any]
    parameters: Mapping[str, Any]
    versions: Mapping[str, Any]
    differing: Sequence[str]
    unknown: Sequence[str]


def markdown_report(
    *,
    verdict: Verdict,
    estimates: pd.DataFrame,
    curves: pd.DataFrame,
    by_difficulty: pd.DataFrame,
    comparisons: pd.DataFrame,
    histories: Mapping[str, pd.DataFrame],
    run: Run,
    outcomes: pd.DataFrame | None = None,
    theory: pd.DataFrame | None = None,
    costs: pd.DataFrame | None = None,
    diagnostics: pd.DataFrame | None = None,
    cards: Mapping[str, Mapping[str, Any]] | None = None,
) -> str:
    """The report as Markdown; parts without data are left out.

    The frames are those of ``beyond_sharpening.analysis``, histories map an objective to one row a step.
    Figures are referred to as ``figures/<name>.png``, the names being ``contrasts``, ``pass_at_k``,
    ``accuracy_by_difficulty``, ``learning_curves``, and ``theory_01`` and so on, one a proposition, where there is a
    table of the theory's claims. ``outcomes`` is what was predicted of sharpening, beside what happened;
    with ``costs``, what decoders cost and with ``diagnostics`` how they fared, ``accuracy_by_cost`` is shown too.
    ``cards`` says what each benchmark is.
    """
    most = tables.most_samples(curves)
    policies = set(estimates["policy"])
    return _template("report.md.j2").render(
        verdict=verdict,
        run=run,
        policies=sorted(policies, key=rank),
        missing=[look(name).label for name in OBJECTIVES if name not in policies],
        look=look,
        most=most,
        accuracy=tables.accuracy_table(estimates, curves),
        many=tables.many_samples_table(curves) if most > 1 else None,
        has_difficulty=len(by_difficulty) > 0 and by_difficulty["difficulty"].notna().any(),
        primary=tables.contrast_table(comparisons, "primary"),
        secondary=tables.contrast_table(comparisons, "secondary"),
        training=tables.training_table(histories),
        prediction=None if outcomes is None else tables.prediction_table(outcomes),
        theory=None if theory is None else tables.theory_table(theory),
        other_propositions=[] if theory is None else _without_words(theory),
        costs=None if costs is None else cost_table(costs),
        diagnostics=None if diagnostics is None else diagnostics_table(diagnostics),
        warnings=[] if diagnostics is None else mixing_warnings(diagnostics),
        benchmarks=tables.benchmark_table(cards or {}),
        details=tables.detail_table(estimates, most),
        intervals=interval_note(estimates["ci_unit"]),
        one_seed=bool(estimates["n_seeds"].max() == 1 and policies != {"base"}),
        worst={
            name: tables.percent(estimates[f"{name}_rate"].max()) for name in ("truncated", "unparsable", "timeout")
        },
    )


def _without_words(theory: pd.DataFrame) -> list[tuple[int, str]]:
    """Number and title of the propositions whose figure stands for itself."""
    others = theory[~theory["number"].isin(EXPLAINED_PROPOSITIONS)].drop_duplicates("number").sort_values("number")
    return list(zip(others["number"].tolist(), others["title"].tolist(), strict=True))


def html_report(markdown: str, figures: Mapping[str, Figure]) -> str:
    """The Markdown report as one self-contained HTML page, its figures embedded.

    Args:
        markdown: what ``markdown_report`` returned.
        figures: name -> figure, for every ``figures/<name>.png`` of the Markdown.

    Raises:
        ValueError: if the Markdown shows a figure that was not given.
    """
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(markdown)
    inline = [child for token in tokens for child in token.children or []]
    for image in (token for token in inline if token.type == "image"):
        image.attrs["src"] = _data_uri(str(image.attrs["src"]), figures)
    title = next((tokens[i + 1].content for i, token in enumerate(tokens) if token.type == "heading_open"), "Report")
    body = parser.renderer.render(tokens, parser.options, {})
    return _template("page.html.j2").render(title=title, body=body)


def _data_uri(source: str, figures: Mapping[str, Figure]) -> str:
    name = source.removeprefix("figures/").removesuffix(".png")
    if name not in figures:
        raise ValueError(f"the report shows the figure {source!r}, but only these were given: {sorted(figures)}")
    picture = io.BytesIO()
    figures[name].savefig(picture, format="png")
    return "data:image/png;base64," + base64.b64encode(picture.getvalue()).decode()


def _template(name: str) -> Any:
    environment = Environment(
        loader=PackageLoader("beyond_sharpening.reporting"),
        autoescape=name.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cell"] = _cell
    return environment.get_template(name)


def _cell(value: Any) -> str:
    """A value as the text of one table cell; several values in a row, a mapping as ``name: value`` pairs."""
    if isinstance(value, dict):
        value = [f"{key}: {item}" for key, item in value.items()]
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    return str(value).replace("|", "\\|").replace("\n", " ")

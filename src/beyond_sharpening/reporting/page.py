"""Sections as one HTML page that can be mailed: text, tables, figures and samples are inside it."""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from beyond_sharpening.reporting.blocks import Block, Browser, Link, Section, Strong, Table, Verbatim, visible
from beyond_sharpening.reporting.charts import Chart
from beyond_sharpening.reporting.interactive import describe
from beyond_sharpening.reporting.static import draw

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure


COLOURS = 128
"""Of a picture in the page, which then weighs a third and looks the same."""

UNBROKEN = re.compile(
    r"(?<=\d) (?=%)|(?<=\bp) (?=[=<] \d)|(?<=\bp [=<]) (?=\d)|(?<=,) (?=[+−\d.]+\])|(?<=\d) (?=: \d)|(?<=\d :) (?=\d)"
)
"""Spaces at which a number is not to be torn from what it belongs to, in the cells of a table."""


def charts(sections: Sequence[Section]) -> list[Chart]:
    """Every chart of the sections."""
    return [block for section in sections for block in section.blocks if isinstance(block, Chart)]


def figures(sections: Sequence[Section]) -> dict[str, Figure]:
    """Name -> figure of every chart."""
    return {chart.name: draw(chart) for chart in charts(sections)}


def html_report(title: str, sections: Sequence[Section], drawn: Mapping[str, Figure]) -> str:
    """The report as one self-contained page.

    Args:
        title: its heading.
        sections: what it shows.
        drawn: name -> figure, from ``figures``; each is what paper and a browser without JavaScript show.
    """
    shown = [
        {"title": part.title, "anchor": anchor(part.title), "appendix": part.appendix, "blocks": _blocks(part, drawn)}
        for part in sections
    ]
    plots = {chart.name: describe(chart) for chart in charts(sections)}
    environment = Environment(
        loader=PackageLoader("beyond_sharpening.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["visible"] = visible
    folder = files("beyond_sharpening.reporting") / "templates"
    return environment.get_template("page.html.j2").render(
        title=title,
        sections=shown,
        plots=_json(plots) if plots else "",
        style=Markup((folder / "page.css").read_text("utf-8")),
        script=Markup((folder / "page.js").read_text("utf-8")),
        plotly=_plotly() if plots else "",
    )


def anchor(title: str) -> str:
    """The name of a section in links: ``Right answers`` becomes ``right-answers``."""
    return re.sub(r"\W+", "-", title.lower()).strip("-")


def _blocks(section: Section, drawn: Mapping[str, Figure]) -> list[dict[str, Any]]:
    return [_block(block, drawn) for block in section.blocks]


def _block(block: Block, drawn: Mapping[str, Figure]) -> dict[str, Any]:
    match block:
        case Table():
            rows = [[_cell(cell) for cell in row] for row in block.rows]
            return {"kind": "table", "header": list(block.header), "rows": rows, "n_text": block.n_text}
        case Browser():
            shown = [[visible(cell) for cell in row] for row in block.rows]
            data = {"columns": list(block.columns), "rows": shown, "filters": list(block.filters)}
            return {"kind": "browser", "data": _json(data)}
        case Chart():
            return {"kind": "chart", "name": block.name, "title": block.title, "source": _data_uri(drawn[block.name])}
        case _:
            return {"kind": "words", "html": Markup(_words(block))}


def _cell(cell: str) -> dict[str, Any]:
    text, verbatim = visible(cell), isinstance(cell, Verbatim)
    shown = text if verbatim else UNBROKEN.sub("\u00a0", text)
    address = text.partition(" ")[0] if isinstance(cell, Link) else ""
    return {"text": shown, "strong": isinstance(cell, Strong), "verbatim": verbatim, "address": address}


def _words(markdown: str) -> str:
    """Markdown as HTML; raw HTML in it stays text."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).render(markdown)


def _json(value: Any) -> Markup:
    """JSON that can stand in a script element: no ``<`` that could end it."""
    return Markup(json.dumps(value, allow_nan=False, ensure_ascii=False).replace("<", "\\u003c"))


def _data_uri(figure: Figure) -> str:
    from PIL import Image

    drawn, packed = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=110)
    Image.open(drawn).convert("RGB").quantize(COLOURS).save(packed, format="png", optimize=True)
    return "data:image/png;base64," + base64.b64encode(packed.getvalue()).decode()


@cache
def _plotly() -> str:
    """plotly.js, packed: the page unpacks it, so that it weighs less than half."""
    source = (files("plotly") / "package_data" / "plotly.min.js").read_bytes()
    return base64.b64encode(gzip.compress(source, 6, mtime=0)).decode()

"""What a report found, in a form that programs read: the file results.json beside its pages.

Taken from the executed chapters: their settings, data and versions, the numbers in their text, their tables and
verdicts as shown, and what their figures show in words. `mia_core.report.compare.differences` reads it.
"""

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mia_core.report.compare.results import Chapter, Results, ShownFigure, ShownTable, ShownVerdict

GLUED = "application/papermill.record/text/plain"


def collect(
    parameters: Mapping[str, Any], chapters: Mapping[str, Mapping[str, Any]], notebooks: Mapping[str, Path]
) -> Results:
    """The results of a report.

    parameters  those that the reader gave
    chapters    name of a chapter -> how its page was made, plain values as JSON has them
    notebooks   name of a chapter -> its executed notebook
    """
    found = {name: _chapter(record, notebooks[name]) for name, record in chapters.items()}
    return Results(parameters=dict(parameters), chapters=found)


def _chapter(record: Mapping[str, Any], path: Path) -> Chapter:
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    found = Chapter(title=_title(notebook), **{key: record[key] for key in record.keys() & set(Chapter.model_fields)})
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if GLUED in data:
                found.glued[output.metadata["scrapbook"]["name"]] = _value(data[GLUED])
            elif "mia-figure" in data.get("text/html", ""):
                _add_shown(found, data["text/html"])
    return found


def _add_shown(found: Chapter, page: str) -> None:
    from bs4 import BeautifulSoup

    figure = BeautifulSoup(page, "html.parser").find("figure")
    kind, _, name = str(figure["id"]).partition("-")
    caption = figure.figcaption.get_text(" ", strip=True)
    if kind == "fig":
        alts = [str(svg["aria-label"]) for svg in figure.select("svg[role=img]")]
        found.figures[name] = ShownFigure(caption=caption, alts=alts)
        return
    columns = [_text(cell) for cell in figure.select("thead th")]
    rows = [[_text(cell) for cell in row.find_all(("th", "td"))] for row in figure.select("tbody tr")]
    if {"claim", "verdict"} <= set(columns):
        found.verdicts += [_verdict(name, dict(zip(columns, row, strict=True))) for row in rows]
    else:
        found.tables[name] = ShownTable(caption=caption, columns=columns, rows=rows)


def _verdict(table: str, row: dict[str, str]) -> ShownVerdict:
    """A line of a table of verdicts; what was measured stands under a heading that says so."""
    measured = next((text for column, text in row.items() if "measured" in column), "")
    return ShownVerdict(
        table=table, claim=row["claim"], source=row.get("made in", ""), measured=measured, outcome=row["verdict"]
    )


def _title(notebook: Any) -> str:
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    heading = re.search(r"^# +(.+)$", text, re.MULTILINE)
    return heading[1].strip() if heading else ""


def _text(element: Any) -> str:
    return " ".join(element.get_text("", strip=False).split())


def _value(text: str) -> bool | int | float | str:
    """A glued value as it was given: myst_nb keeps its `repr`."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    return value if isinstance(value, bool | int | float | str) else text

"""What a report found, in a form that programs read: the file results.json next to its pages.

Taken from the data in the executed chapters' outputs (see `mia_core.display.shown`) and from the records of how they
were made: settings, data and versions, the numbers in their text, tables, verdicts, what figures show in words.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mia_core.display.shown import shown_in
from mia_core.report.compare.results import Chapter, Results


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
    glued, tables, figures, verdicts = {}, {}, {}, []
    for data, _ in shown_in(notebook):
        name, kind = data["name"], data["kind"]
        if kind == "glued":
            glued[name] = data["value"]
        elif kind == "figure":
            figures[name] = {"caption": data["caption"], "alts": [frame["alt"] for frame in data["frames"]]}
        elif kind == "table":
            tables[name] = {part: data[part] for part in ("caption", "columns", "rows")}
        else:
            verdicts += [{"table": name, **line} for line in data["lines"]]
    made = {key: record[key] for key in record.keys() & set(Chapter.model_fields)}
    found = {"glued": glued, "tables": tables, "figures": figures, "verdicts": verdicts}
    return Chapter.model_validate({"title": _title(notebook)} | made | found)


def _title(notebook: Any) -> str:
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    heading = re.search(r"^# +(.+)$", text, re.MULTILINE)
    return heading[1].strip() if heading else ""

"""What a chapter shows, as data: kept next to the HTML of each output, so that programs need not read pages.

Numbers are those of the page, rounded as they are shown there, so the data is the same wherever the page is.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mia_core.base.messages import harmless
from mia_core.measures.text import NOT_MEASURABLE, Measured

if TYPE_CHECKING:
    import pandas as pd

SHOWN = "application/vnd.mia.shown+json"
"""The MIME type of the data in an output. What it holds has a `kind`: figure, table, verdicts or glued."""
_GLUED = f"application/papermill.record/{SHOWN}"
"""The same in an output that myst_nb's `glue` made, which is not displayed."""


@dataclass(frozen=True)
class Evidence:
    """A cell of a table that links to a figure or table of the same page, by its name there, such as "fig-epochs"."""

    name: str


class Explained(str):
    """The text of a cell with a longer one that appears when a reader points at it."""

    def __new__(cls, text: str, title: str) -> "Explained":
        """Both texts are plain."""
        made = super().__new__(cls, text)
        made.title = title
        return made


def plain(value: Any, digits: int = 3) -> bool | int | float | str:
    """A plain, rounded Python value, never a NumPy one; None and NaN become "not measurable"."""
    value = value.item() if hasattr(value, "item") else value
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return NOT_MEASURABLE
    return round(value, digits) if isinstance(value, float) else value


def cell_text(value: Any, digits: int = 3) -> str:
    """A table's cell as it is shown; numbers with this many decimals, booleans as yes or no."""
    if isinstance(value, Evidence):
        return value.name
    value = plain(value, digits)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.{digits}f}" if isinstance(value, float) else harmless(str(value))


def cell_data(value: Any, digits: int = 3) -> int | str | dict[str, Any]:
    """A table's cell for JSON: a text or a whole number as it is, any other number with the text that shows it."""
    text, value = cell_text(value, digits), plain(value, digits)
    if isinstance(value, Measured):
        found = value.interval
        known = {"value": found.mean, "low": found.low, "high": found.high, "seeds": value.seeds}
        return {"text": text} | {name: part for name, part in known.items() if part is not None}
    if isinstance(value, float):
        return {"text": text, "value": value}
    return value if isinstance(value, int) and not isinstance(value, bool) else text


def figure_data(
    name: str, caption: str, values: Sequence[str], alts: Sequence[str], plots: Sequence[str], page: str
) -> dict[str, Any]:
    """A figure: what each of its frames shows in words, and from where to where its drawing stands in the page.

    values  what the slider says at each frame; "" for the only frame of a figure without one
    plots   the <svg> elements, in the order in which they stand in `page`, the HTML of the output
    """
    frames, end = [], 0
    for value, alt, plot in zip(values, alts, plots, strict=True):
        start = page.index(plot, end)
        end = start + len(plot)
        frames.append({"value": value, "alt": alt, "svg": [start, end]})
    return {"kind": "figure", "name": name, "caption": caption, "frames": frames}


def table_data(name: str, caption: str, table: "pd.DataFrame", digits: int = 3) -> dict[str, Any]:
    """A table, or the lines of a table of verdicts: one with the columns "claim" and "verdict".

    A verdict's difference is in the first column whose name has "measured" in it; its source is in "made in".
    """
    columns = [str(column) for column in table.columns]
    rows = [[cell_data(value, digits) for value in row] for row in table.itertuples(index=False, name=None)]
    if not {"claim", "verdict"} <= set(columns):
        return {"kind": "table", "name": name, "caption": caption, "columns": columns, "rows": rows}
    measured = next((column for column in columns if "measured" in column), "")
    found = [dict(zip(columns, row, strict=True)) for row in rows]
    lines = [
        {
            "claim": row["claim"],
            "source": row.get("made in", ""),
            "measured": row.get(measured, ""),
            "outcome": row["verdict"],
        }
        for row in found
    ]
    return {"kind": "verdicts", "name": name, "caption": caption, "lines": lines}


class Glued:
    """A value for the text of the page, which Jupyter displays as its `repr` and as data."""

    def __init__(self, name: str, value: Any, digits: int = 3) -> None:
        self.value = plain(value, digits)
        data = cell_data(self.value, digits) if isinstance(self.value, Measured) else self.value
        self.data = {"kind": "glued", "name": name, "value": data}

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {"text/plain": repr(self.value), SHOWN: self.data}


def shown_in(notebook: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """The data of each output of a notebook that has any, in reading order, with the output's HTML ("" without)."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            found = data.get(SHOWN) or data.get(_GLUED)
            if found:
                yield found, "".join(data.get("text/html", ""))

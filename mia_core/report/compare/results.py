"""The results of a report as data: the shape of its results.json, written with every report and read for comparison."""

import json
import os
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_serializer

from mia_core.base.errors import RunError
from mia_core.base.files import reason
from mia_core.base.messages import one_line
from mia_core.measures.intervals import Interval

RESULTS = "results.json"
FORMAT = 2


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Number(_Part):
    """A number as it is shown, such as "0.837 [0.831, 0.843] (3 seeds)", and what it says."""

    text: str
    value: float
    low: float | None = None
    high: float | None = None
    seeds: int | None = None

    @model_serializer
    def _known(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if value is not None}


Cell = Number | bool | int | float | str
"""What a table's cell or a sentence shows: a number, or words."""


def shown(cell: Cell) -> str:
    """A cell as its page shows it."""
    return cell.text if isinstance(cell, Number) else str(cell)


def quantity(cell: Cell) -> Interval | None:
    """The number of a cell with its interval; None for words."""
    if isinstance(cell, Number):
        return Interval(cell.value, cell.low, cell.high)
    return None if isinstance(cell, bool | str) else Interval(cell, None, None)


class ShownFigure(_Part):
    """A figure of a chapter: its caption, and what it shows in words, one text per frame of a slider."""

    caption: str
    alts: list[str]


class ShownTable(_Part):
    """A table of a chapter as it is shown: its caption, names of its columns, and its cells."""

    caption: str
    columns: list[str]
    rows: list[list[Cell]]


class ShownVerdict(_Part):
    """A line of a chapter's table of verdicts: the claim, where it is made, what was measured, the outcome."""

    table: str
    claim: str
    source: str
    measured: Cell
    outcome: str


class Chapter(_Part):
    """What one chapter rests on and what it found. `glued` holds the numbers and words of the run in its text."""

    title: str
    settings: dict[str, Any] = Field(default_factory=dict)
    data: dict[str, Any] | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    made: str = ""
    seconds: float = 0.0
    reused: bool = False
    glued: dict[str, Cell] = Field(default_factory=dict)
    tables: dict[str, ShownTable] = Field(default_factory=dict)
    verdicts: list[ShownVerdict] = Field(default_factory=list)
    figures: dict[str, ShownFigure] = Field(default_factory=dict)


class Results(_Part):
    """All chapters of a report in their order, and the parameters that its reader gave."""

    format: int = FORMAT
    parameters: dict[str, Any]
    chapters: dict[str, Chapter]

    def as_json(self) -> str:
        """Strict JSON, without NaN or Infinity."""
        return json.dumps(self.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def read_results(folder: str | Path) -> Results:
    """The results of the report in a folder. Raises `RunError`, one line, for anything else than a whole report."""
    place = Path(os.path.expanduser(folder))
    path = place / RESULTS
    try:
        if not place.is_dir():
            raise RunError(f"{one_line(folder)}: is no folder; expected one that mia report has made")
        if not path.is_file():
            older = ", or an older one: build it again" if (place / "report.json").is_file() else ""
            raise RunError(f"{one_line(folder)}: holds no {RESULTS}; expected a folder that mia report has made{older}")
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
        found = content.get("format") if isinstance(content, dict) else None
        if found in range(1, FORMAT):
            raise RunError(f"{one_line(path)}: its format is {found}, that of an older version; build the report again")
        if found != FORMAT:
            raise RunError(f"{one_line(path)}: its format is {one_line(found, 40)}; expected {FORMAT}")
        return Results.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RunError(f"{one_line(path)}: {one_line(where, 120)}: {one_line(first['msg'], 120)}") from None
    except UnicodeDecodeError:
        raise RunError(f"{one_line(path)}: is no text in UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise RunError(f"{one_line(path)}: is no strict JSON: {one_line(error, 120)}") from None
    except OSError as error:
        raise RunError(f"{one_line(path)}: cannot be read: {reason(error)}") from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a number in JSON")

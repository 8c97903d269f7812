"""The results of a report as data: the shape of its results.json, written with every report and read for comparison.

The report may be a stranger's: names in it are plain, numbers finite, and codes in its text are escaped.
"""

import json
import math
import os
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_serializer

from mia_core.base.errors import RunError
from mia_core.base.files import absolute, reason
from mia_core.base.messages import one_line
from mia_core.base.sealed import SEAL, digest_of
from mia_core.measures.intervals import Interval

RESULTS = "results.json"
FORMAT = 2
MOST_BYTES = 100 << 20
"""Of a file of a report; those of this book have less than one MB."""
_DEEPEST, _LONGEST = 20, 10_000  # levels of lists in lists, letters of a text


def is_plain(name: str) -> bool:
    """Whether a chapter can be called so: letters, digits, dashes, dots and underscores. Its name is part of paths."""
    return re.fullmatch(r"\w[\w.-]{0,99}", name) is not None


def _plain(name: str) -> str:
    if not is_plain(name):
        raise ValueError("expected a name of letters, digits, dashes, dots and underscores")
    return name


PlainName = Annotated[str, AfterValidator(_plain)]


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
    tables: dict[PlainName, ShownTable] = Field(default_factory=dict)
    verdicts: list[ShownVerdict] = Field(default_factory=list)
    figures: dict[PlainName, ShownFigure] = Field(default_factory=dict)


class Results(_Part):
    """All chapters of a report in their order, and the parameters that its reader gave."""

    format: int = FORMAT
    parameters: dict[str, Any]
    chapters: dict[PlainName, Chapter]

    def as_json(self) -> str:
        """Strict JSON, without NaN or Infinity, with a digest of all else in it."""
        content = self.model_dump(mode="json")
        content[SEAL] = digest_of(content)
        return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def read_file(report: Path, *names: str) -> str:
    """The text of a file of a report. Raises `RunError` for one that is too large, no text, or lies outside of it."""
    path = report.joinpath(*names)
    try:
        if not path.resolve().is_relative_to(report.resolve()):
            raise RunError(f"{one_line(path)}: is a link that leads out of the report")
        if path.exists() and not path.is_file():
            raise RunError(f"{one_line(path)}: is no file")
        with open(path, "rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise RunError(f"{one_line(path)}: is larger than {MOST_BYTES >> 20} MB")
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise RunError(f"{one_line(path)}: is no text in UTF-8") from None
    except (OSError, RuntimeError, ValueError) as error:
        raise RunError(f"{one_line(path)}: cannot be read: {reason(error)}") from None


def read_results(folder: str | Path) -> Results:
    """The results of the report in a folder. Raises `RunError`, one line, for anything else than a whole report."""
    place = absolute(folder)
    path = place / RESULTS
    if not os.path.isdir(place):
        raise RunError(f"{one_line(folder)}: is no folder; expected one that mia report has made")
    if not os.path.lexists(path):
        older = ", or an older one: build it again" if (place / "report.json").is_file() else ""
        raise RunError(f"{one_line(folder)}: holds no {RESULTS}; expected a folder that mia report has made{older}")
    try:
        text = read_file(place, RESULTS)
        content = json.loads(text, parse_constant=_refuse, parse_float=_number, parse_int=_whole)
        digest = content.pop(SEAL, None) if isinstance(content, dict) else None
        if digest is not None and digest != digest_of(content):
            raise RunError(f"{one_line(path)}: its content does not match its digest, {SEAL}")
        content = _harmless(content)
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
    except (ValueError, RecursionError) as error:
        raise RunError(f"{one_line(path)}: is no strict JSON: {one_line(error, 120)}") from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a number in JSON")


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value) or abs(value) > 1e300:  # so that differences are numbers too
        raise ValueError(f"{one_line(text, 40)} is out of range")
    return value


def _whole(text: str) -> int:
    if len(text) > 20:  # of 64 bits and a sign
        raise ValueError(f"{one_line(text, 40)} is out of range")
    return int(text)


def _harmless(value: Any, level: int = 0) -> Any:
    """The value with all its text on one line, without codes."""
    if level > _DEEPEST:
        raise ValueError(f"more than {_DEEPEST} levels of lists in lists")
    if isinstance(value, str):
        return one_line(value, _LONGEST)
    if isinstance(value, list):
        return [_harmless(part, level + 1) for part in value]
    if isinstance(value, dict):
        return {_harmless(key): _harmless(part, level + 1) for key, part in value.items()}
    return value

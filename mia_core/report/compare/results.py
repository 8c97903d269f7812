"""The results of a report as data: the shape of its results.json, written with every report and read for comparison."""

import json
import os
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mia_core.base.errors import RunError
from mia_core.base.files import reason
from mia_core.base.messages import one_line
from mia_core.measures.intervals import Interval

RESULTS = "results.json"
FORMAT = 1

_NUMBER = r"[-+−]?(?:[1-9]\d{0,2}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[-+]?\d+)?%?"
_MARK = "◆"  # `mia_book.grids.MARK`, whose module takes half a second to load
# A word before a whole number is no measure ("adversary 1"), nor is a number behind others ("0, 1").
_WORDS = r"[A-Za-z][\w-]* (?=[-+−]?\d+\.)|[^|]*(?::|[a-z],) (?=[-+−]\d)|\d+ of \d+, (?=\d+\.)"
_QUANTITY = re.compile(
    rf"(?:{_WORDS})?(?P<value>{_NUMBER})(?:\s*{_MARK})?(?:\s*\[(?P<low>{_NUMBER}),\s*(?P<high>{_NUMBER})\])?"
    r"(?:\s*\([^()]*\))?(?::\s[a-z][a-z ]*)?"
)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ShownFigure(_Part):
    """A figure of a chapter: its caption, and what it shows in words, one text a frame of a slider."""

    caption: str
    alts: list[str]


class ShownTable(_Part):
    """A table of a chapter as it is shown: its caption, names of its columns, and its cells as text."""

    caption: str
    columns: list[str]
    rows: list[list[str]]


class ShownVerdict(_Part):
    """A line of a chapter's table of verdicts: the claim, where it is made, what was measured, the outcome."""

    table: str
    claim: str
    source: str
    measured: str
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
    glued: dict[str, bool | int | float | str] = Field(default_factory=dict)
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


def quantity(text: Any) -> Interval | None:
    """A shown number with its interval, such as "0.837 [0.831, 0.843]" or "+0.1 (3 seeds)"; None for other text.

    It may carry the mark of the strongest attack, a percent sign, commas between thousands, the name of an attack
    ("lira 0.123"), a verdict ("+0.07: cannot be told"; "less safe, +0.07"), the claim that was measured, or counts
    ("2 of 4, 0.500"). Of "printed | measured" it is the part behind the last line; of "42%" it is 0.42.
    """
    if isinstance(text, bool):
        return None
    found = _QUANTITY.fullmatch(str(text).rpartition("|")[2].strip())
    return None if found is None else Interval(*(None if part is None else _value(part) for part in found.groups()))


def _value(number: str) -> float:
    plain = float(number.replace("−", "-").replace(",", "").rstrip("%"))
    return plain / 100 if number.endswith("%") else plain


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a number in JSON")

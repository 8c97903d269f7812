"""Compares two reports: settings that differ, verdicts that changed, numbers with intervals and their difference."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import hypot
from typing import Any

from mia_core.measures.intervals import Interval
from mia_core.measures.text import NOT_MEASURABLE
from mia_core.report.compare.results import Cell, Chapter, Results, ShownTable, ShownVerdict, quantity, shown

ABSENT = "-"
"""Stands where one of the two reports has nothing."""


@dataclass(frozen=True)
class Change:
    """Something that differs: what it is, the chapters that have it, and its value in A and in B as text."""

    what: str
    chapters: tuple[str, ...]
    a: str
    b: str


@dataclass(frozen=True)
class Shift:
    """A number that differs; `difference` is B - A, or None where one of them is no number.

    where  the chapter and, of a table, its name
    what   the name of a glued number, or row and column of a table's cell
    """

    where: str
    what: str
    a: str
    b: str
    difference: Interval | None

    @property
    def clear(self) -> bool:
        """Whether the interval of the difference leaves out 0."""
        found = self.difference
        return found is not None and found.low is not None and (found.low > 0 or found.high < 0)


@dataclass(frozen=True)
class Turn:
    """A verdict that changed: the chapter, the claim, and the lines of both reports (None where there is none)."""

    chapter: str
    claim: str
    a: ShownVerdict | None
    b: ShownVerdict | None
    difference: Interval | None


@dataclass(frozen=True)
class Comparison:
    """All that differs between reports A and B, and how much was the same."""

    settings: tuple[Change, ...]
    turns: tuple[Turn, ...]
    same_verdicts: int
    shifts: tuple[Shift, ...]
    same_numbers: int
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]


def compare(a: Results, b: Results) -> Comparison:
    """What differs between two reports, in the order of A's chapters."""
    shared = [name for name in a.chapters if name in b.chapters]
    turns, verdicts = [], 0
    shifts, numbers = [], 0
    for name in shared:
        one, other = a.chapters[name], b.chapters[name]
        found = list(_turns(name, one, other))
        verdicts += len(_by_claim(one).keys() & _by_claim(other).keys()) - sum(bool(t.a and t.b) for t in found)
        turns += found
        for key, values in _numbers(name, one, other).items():
            a_shows, b_shows = map(shown, values)
            if a_shows == b_shows:
                numbers += 1
            else:
                shifts.append(Shift(*key, a_shows, b_shows, difference(*map(quantity, values))))
    return Comparison(
        settings=tuple(_settings(a, b, shared)),
        turns=tuple(turns),
        same_verdicts=verdicts,
        shifts=tuple(shifts),
        same_numbers=numbers,
        only_a=tuple(name for name in a.chapters if name not in b.chapters),
        only_b=tuple(name for name in b.chapters if name not in a.chapters),
    )


def difference(a: Interval | None, b: Interval | None) -> Interval | None:
    """b - a with the interval that follows from those of a and b; without bounds where one of them has none.

    From the two intervals alone, whatever their number of seeds and even where they were cut at 0 or 1 (Zou and Donner
    2008). Both are taken to be independent: where the reports share seeds and data, the interval is on the safe side.
    """
    if a is None or b is None:
        return None
    mean = b.mean - a.mean
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return Interval(mean, None, None)
    return Interval(mean, mean - hypot(b.mean - b.low, a.high - a.mean), mean + hypot(b.high - b.mean, a.mean - a.low))


def _by_claim(chapter: Chapter) -> dict[tuple[str, str], ShownVerdict]:
    return {(verdict.table, verdict.claim): verdict for verdict in chapter.verdicts}


def _turns(name: str, a: Chapter, b: Chapter) -> Iterator[Turn]:
    left, right = _by_claim(a), _by_claim(b)
    for key in [*left, *(key for key in right if key not in left)]:
        one, other = left.get(key), right.get(key)
        if one is None or other is None:
            yield Turn(name, key[1], one, other, None)
        elif one.outcome != other.outcome:
            yield Turn(name, key[1], one, other, difference(quantity(one.measured), quantity(other.measured)))


def _numbers(name: str, a: Chapter, b: Chapter) -> dict[tuple[str, str], tuple[Cell, Cell]]:
    """(where, what) -> what A and B show, of all that is a number in at least one of them."""
    left, right = _shown(name, a, b), _shown(name, b, a)
    pairs = {key: (left.get(key, ABSENT), right.get(key, ABSENT)) for key in [*left, *right]}
    return {key: cells for key, cells in pairs.items() if any(map(_is_number, cells))}


def _shown(name: str, chapter: Chapter, other: Chapter) -> dict[tuple[str, str], Cell]:
    """(where, what) -> all that is glued, was measured for a verdict or stands in a table, except for the cells that
    name a table's rows."""
    found: dict[tuple[str, str], Cell] = {(name, key): value for key, value in chapter.glued.items()}
    found |= {(f"{name}, {v.table}", v.claim): v.measured for v in chapter.verdicts}
    for table, content in chapter.tables.items():
        where, naming = f"{name}, {table}", _naming(content, other.tables.get(table, content))
        called = Counter[str]()
        for row in content.rows:
            label = ", ".join(map(shown, row[:naming]))
            for column, cell in list(zip(content.columns, row, strict=False))[naming:]:
                found[where, _free(f"{label}: {column}", where, found, called)] = cell
    return found


def _naming(table: ShownTable, other: ShownTable) -> int:
    """How many leading columns name the rows: the first, and those right after it without a number in either report,
    such as defenses and attack. By column, as a number may have become words in single rows."""
    valued = {
        column
        for content in (table, other)
        for row in content.rows
        for column, cell in zip(content.columns, row, strict=False)
        if _is_number(cell)
    }
    return next((i for i, column in enumerate(table.columns) if i and column in valued), len(table.columns))


def _is_number(cell: Cell) -> bool:
    return cell == NOT_MEASURABLE or quantity(cell) is not None


def _free(what: str, where: str, taken: dict[tuple[str, str], Cell], called: Counter[str]) -> str:
    """The name itself, or with a number where another row of the table is called so too."""
    while True:
        called[what] += 1
        name = f"{what} ({called[what]})" if called[what] > 1 else what
        if (where, name) not in taken:
            return name


def _settings(a: Results, b: Results, shared: list[str]) -> Iterator[Change]:
    """Settings, data and versions that differ, each once with the chapters in which they do."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for name in shared:
        left, right = _rests_on(a.chapters[name]), _rests_on(b.chapters[name])
        for what in [*left, *(what for what in right if what not in left)]:
            values = left.get(what, ABSENT), right.get(what, ABSENT)
            if values[0] != values[1]:
                found.setdefault((what, *values), []).append(name)
    for (what, one, other), chapters in found.items():
        yield Change(what, tuple(chapters), one, other)


def _rests_on(chapter: Chapter) -> dict[str, str]:
    data = {f"data: {name}": _words(value) for name, value in (chapter.data or {}).items()}
    versions = {f"version of {name}": version for name, version in chapter.versions.items()}
    return {name: _words(value) for name, value in chapter.settings.items()} | data | versions


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)

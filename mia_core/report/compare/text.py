"""A comparison of two reports as plain text for a terminal."""

import textwrap
from collections.abc import Iterator

from mia_core.base.messages import one_line
from mia_core.measures.intervals import Interval
from mia_core.report.compare.differences import ABSENT, Comparison, Shift, Turn
from mia_core.report.compare.results import Results, ShownVerdict, shown

WIDTH, MOST_LINES = 100, 10


def as_text(comparison: Comparison, a: Results, b: Results, names: tuple[str, str]) -> str:
    """What differs between two reports, most important first; `names` says which folders they are."""
    lines = [f"A: {made(names[0], a)}", f"B: {made(names[1], b)}", ""]
    for letter, chapters in (("A", comparison.only_a), ("B", comparison.only_b)):
        lines += [f"Only {letter} has: {', '.join(chapters)}", ""] if chapters else []
    lines += _section("Settings, data and versions that differ", _settings(comparison))
    same = f"{comparison.same_verdicts} unchanged"
    lines += _section(f"Verdicts that changed ({len(comparison.turns)}; {same})", _turns(comparison.turns))
    same = f"{comparison.same_numbers} unchanged"
    lines += _section(f"Numbers that differ ({len(comparison.shifts)}; {same})", _shifts(comparison.shifts))
    if comparison.shifts:
        lines.append("* The interval of the difference B - A leaves out 0, with both reports taken to be independent.")
    return "\n".join(lines).rstrip() + "\n"


def summary(comparison: Comparison, a: Results, b: Results, names: tuple[str, str]) -> str:
    """The comparison in at most ten lines: settings, which verdicts changed, how many numbers moved clearly."""
    turns, shifts = comparison.turns, comparison.shifts
    lines = [f"A: {made(names[0], a)}", f"B: {made(names[1], b)}"]
    for letter, chapters in (("A", comparison.only_a), ("B", comparison.only_b)):
        lines += [f"Only {letter} has: {', '.join(chapters)}"] if chapters else []
    settings = "; ".join(f"{change.what}: A {change.a}, B {change.b}" for change in comparison.settings)
    lines.append(f"Settings, data and versions that differ: {settings or 'none'}")
    clear = sum(shift.clear for shift in shifts)
    last = f"Numbers: {len(shifts)} differ, {clear} of them clearly; {comparison.same_numbers} unchanged."
    lines.append(f"Verdicts: {len(turns)} changed, {comparison.same_verdicts} unchanged.")
    told = [f"  {turn.chapter}: {_outcome(turn.a)} -> {_outcome(turn.b)}: {turn.claim}" for turn in turns]
    left = MOST_LINES - len(lines) - 1
    lines += told if len(told) <= left else [*told[: left - 1], f"  and {len(told) - left + 1} more"]
    return "".join(f"{one_line(text, WIDTH)}\n" for text in [*lines, last])


def _outcome(verdict: ShownVerdict | None) -> str:
    return ABSENT if verdict is None else verdict.outcome


def made(name: str, results: Results) -> str:
    """A report in a few words: its folder, its chapters and when the last of them ran."""
    when = max((chapter.made for chapter in results.chapters.values()), default="")
    count = len(results.chapters)
    return f"{name} ({count} chapter{'s' if count != 1 else ''}{', made ' + when if when else ''})"


def interval(found: Interval | None, digits: int = 3) -> str:
    """A difference as "+0.012 [-0.001, +0.025]"."""
    if found is None:
        return ABSENT
    bounds = "" if found.low is None else f" [{found.low:+.{digits}f}, {found.high:+.{digits}f}]"
    return f"{found.mean:+.{digits}f}{bounds}"


def line(verdict: ShownVerdict | None) -> str:
    """What a verdict says: outcome and measured difference."""
    return ABSENT if verdict is None else f"{verdict.outcome}, {shown(verdict.measured)}"


def _section(title: str, lines: Iterator[str]) -> list[str]:
    return [title, *(f"  {line}" for line in list(lines) or ["none"]), ""]


def _settings(comparison: Comparison) -> Iterator[str]:
    for change in comparison.settings:
        yield from _wrapped(f"{change.what}: A {change.a}, B {change.b} ({', '.join(change.chapters)})")


def _turns(turns: tuple[Turn, ...]) -> Iterator[str]:
    for turn in turns:
        yield from _wrapped(f"{turn.chapter}: {turn.claim}")
        yield f"  A {line(turn.a)}"
        yield f"  B {line(turn.b)}"


def _shifts(shifts: tuple[Shift, ...]) -> Iterator[str]:
    where = None
    for shift in shifts:
        if shift.where != where:
            where = shift.where
            yield where
        yield from _wrapped(f"{'*' if shift.clear else ' '} {shift.what}")
        yield f"    A {shift.a}   B {shift.b}   B - A {interval(shift.difference)}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent="    ", drop_whitespace=True) or [text]

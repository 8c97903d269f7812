"""A comparison of two reports as one page that needs nothing else: figures side by side, light and dark, any width."""

import html
import json
import re
from collections.abc import Iterable
from itertools import zip_longest
from pathlib import Path
from typing import Any

from mia_core.base.errors import RunError, SettingsError
from mia_core.base.files import absolute, file_to_write
from mia_core.base.messages import harmless, one_line
from mia_core.display.shown import shown_in
from mia_core.report.compare.differences import ABSENT, Comparison
from mia_core.report.compare.drawing import known_drawing
from mia_core.report.compare.results import Chapter, Results, ShownVerdict, read_file, shown
from mia_core.report.compare.text import interval, made
from mia_core.report.standalone import standalone

Figures = dict[tuple[str, str], list[tuple[str, str]]]
"""(chapter, figure) -> its frames as (value of the slider or "", <svg> element)."""


def check_out(out: str | Path, reports: Iterable[str | Path] = ()) -> Path:
    """The absolute path of the page to be written.

    Raises `SettingsError` for a folder, a name without .html, and a file that one of the compared `reports` has.
    """
    target = file_to_write(out, "out", ".html", ".htm")
    for report in reports:
        if target.exists() and target.resolve().is_relative_to(absolute(report).resolve()):
            raise SettingsError(f"out: {one_line(target)} is a file of the report {one_line(report)}; choose another")
    return target


def read_figures(folder: str | Path, results: Results) -> Figures:
    """The figures of a report, from the notebooks that it offers. Raises `RunError` for a missing or damaged one, and
    for a drawing with anything in it that no figure of this book has."""
    found: Figures = {}
    for chapter, content in results.chapters.items():
        names = ("_sources", "book", f"{chapter}.ipynb")
        text = read_file(absolute(folder), *names) if content.figures else '{"cells": []}'
        try:
            for data, page in shown_in(json.loads(text)):
                if data["kind"] == "figure" and data["name"] in content.figures:
                    found[chapter, data["name"]] = [(frame["value"], _drawing(frame, page)) for frame in data["frames"]]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            path = absolute(folder).joinpath(*names)
            raise RunError(f"{one_line(path)}: is no notebook of this book: {one_line(error, 120)}") from None
    return found


def _drawing(frame: dict[str, Any], page: str) -> str:
    start, end = frame["svg"]
    return known_drawing(page[start:end])


def as_page(
    comparison: Comparison, a: Results, b: Results, names: tuple[str, str], figures: tuple[Figures, Figures]
) -> str:
    """The comparison as a whole HTML page; `names` are the folders of the reports, `figures` what they show."""
    only = [
        f"<p>Only {letter} has: {_text(', '.join(chapters))}.</p>"
        for letter, chapters in (("A", comparison.only_a), ("B", comparison.only_b))
        if chapters
    ]
    body = [
        f"<dl><dt>A</dt><dd>{_text(made(names[0], a))}</dd><dt>B</dt><dd>{_text(made(names[1], b))}</dd></dl>",
        *only,
        "<h2>Settings, data and versions that differ</h2>",
        _settings(comparison),
        f"<h2>Verdicts that changed</h2><p>{len(comparison.turns)} changed, {comparison.same_verdicts} did not.</p>",
        _turns(comparison),
        "<h2>Numbers that differ</h2>",
        f"<p>{len(comparison.shifts)} differ, {comparison.same_numbers} do not. The interval of a difference follows "
        "from those of A and B, taken to be independent; in bold where it leaves out 0.</p>",
        _shifts(comparison),
        "<h2>Figures side by side</h2>",
        *_figures(a, b, figures),
    ]
    return standalone("Two reports compared", "\n".join(body))


def _settings(comparison: Comparison) -> str:
    rows = [(change.what, change.a, change.b, ", ".join(change.chapters)) for change in comparison.settings]
    return _table(("setting", "A", "B", "chapters"), rows)


def _turns(comparison: Comparison) -> str:
    parts = []
    for turn in comparison.turns:
        change = interval(turn.difference)
        parts.append(
            f'<h3>{_text(turn.claim)}</h3><p class="note">{_text(turn.chapter)}</p>'
            f'<dl class="turn"><dt>A</dt><dd>{_outcome(turn.a)}</dd><dt>B</dt><dd>{_outcome(turn.b)}</dd>'
            + (f"<dt>B − A</dt><dd>{_text(change)}</dd>" if turn.difference else "")
            + "</dl>"
        )
    return "\n".join(parts)


def _outcome(verdict: ShownVerdict | None) -> str:
    return ABSENT if verdict is None else f"<strong>{_text(verdict.outcome)}</strong>: {_text(shown(verdict.measured))}"


def _shifts(comparison: Comparison) -> str:
    parts = []
    for where in dict.fromkeys(shift.where for shift in comparison.shifts):
        shifts = [shift for shift in comparison.shifts if shift.where == where]
        rows = [(shift.what, shift.a, shift.b, interval(shift.difference)) for shift in shifts]
        clear = [shift.clear for shift in shifts]
        parts.append(f"<h3>{_text(where)}</h3>" + _table(("number", "A", "B", "B − A"), rows, where, clear))
    return "\n".join(parts)


def _figures(a: Results, b: Results, figures: tuple[Figures, Figures]) -> Iterable[str]:
    for chapter in (name for name in a.chapters if name in b.chapters):
        one, other = a.chapters[chapter], b.chapters[chapter]
        for name in dict.fromkeys([*one.figures, *other.figures]):
            left, right = (found.get((chapter, name), []) for found in figures)
            yield f"<h3>{_text(one.title or chapter)}: {_text(name)}</h3>"
            if left == right:
                yield '<p class="note">The same in both.</p>'
            for number, pair in enumerate(zip_longest(left, right)):
                if left != right or number == 0:
                    sides = (("A", one, pair[0]), ("B", other, pair[1]))[: 1 if left == right else 2]
                    shown = (_figure(*side, name, f"{chapter}-{name}-{number}") for side in sides)
                    yield f'<div class="pair">{"".join(shown)}</div>'


def _figure(side: str, chapter: Chapter, frame: tuple[str, str] | None, name: str, key: str) -> str:
    if frame is None or name not in chapter.figures:
        return f"<p>{side} has no such figure.</p>"
    value, svg = frame
    prefix = re.sub(r"[^\w-]", "-", f"{side}-{key}-")
    svg = re.sub(r' id="', f' id="{prefix}', svg)
    svg = re.sub(r'(url\(#|href="#)', rf"\g<1>{prefix}", svg)
    at = f" at {value}" if value else ""
    caption = f"<strong>{side}{_text(at)}.</strong> {_text(chapter.figures[name].caption)}"
    return f"<figure>{svg}<figcaption>{caption}</figcaption></figure>"


def _table(
    head: Iterable[str], rows: list[tuple[str, ...]], label: str = "settings", clear: list[bool] | None = None
) -> str:
    """A table that scrolls by itself where it is too wide; rows that are `clear` have their last cell in bold."""
    if not rows:
        return "<p>None.</p>"
    columns = list(head)
    names = "".join(f'<th scope="col">{name}</th>' for name in columns)
    lines = "".join(
        f'<tr{" class=clear" if clear and clear[i] else ""}><th scope="row">{_text(row[0])}</th>'
        + "".join(
            f'<td data-column="{column}">{_cell(cell)}</td>' for column, cell in zip(columns[1:], row[1:], strict=True)
        )
        + "</tr>"
        for i, row in enumerate(rows)
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{_text(label)}">'
        f"<table><thead><tr>{names}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def _cell(text: str) -> str:
    return re.sub(r"\[[^\]]*\]", r'<span class="whole">\g<0></span>', _text(text))


def _text(text: str) -> str:
    return html.escape(harmless(str(text)), quote=True)

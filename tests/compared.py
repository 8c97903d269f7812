"""Reports of one chapter, made up, to be compared."""

from pathlib import Path
from typing import Any

from mia_core.report.compare.results import Chapter, Number, Results, ShownFigure, ShownTable, ShownVerdict


def number(text: str, value: float, low: float | None = None, high: float | None = None) -> Number:
    return Number(text=text, value=value, low=low, high=high)


def verdict(outcome: str, claim: str = "C.", measured: float = 0.1) -> ShownVerdict:
    shown = Number(text=f"{measured:+} (1 seed)", value=measured, seeds=1)
    return ShownVerdict(table="v", claim=claim, source="I", measured=shown, outcome=outcome)


def table(*rows: list[Any], columns: tuple[str, ...] = ("d", "attack", "auc")) -> dict[str, ShownTable]:
    """The tables of a chapter that has this one only."""
    return {"t": ShownTable(caption="T.", columns=list(columns), rows=list(rows))}


def chapter(**changes: Any) -> Chapter:
    """A chapter with one of everything."""
    given = {
        "title": "One",
        "settings": {"seeds": [0, 1]},
        "data": {"name": "digits", "fingerprint": "aa"},
        "glued": {"auc": number("0.5 [0.4, 0.6]", 0.5, 0.4, 0.6), "word": "holds"},
        "tables": table(*[["none", "gap", number("0.500", 0.5)]] * 2),
        "verdicts": [verdict("holds")],
        "figures": {"f": ShownFigure(caption="F.", alts=["A line."])},
    }
    return Chapter(**given | changes)


def results(**chapters: Chapter) -> Results:
    return Results(parameters={}, chapters=chapters)


def stored(folder: Path, **chapters: Chapter) -> str:
    """Write the report of these chapters into a folder; returns its path."""
    folder.mkdir(exist_ok=True)
    (folder / "results.json").write_text(results(**chapters).as_json(), encoding="utf-8")
    return str(folder)

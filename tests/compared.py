"""Reports of one chapter, made up, to be compared."""

from typing import Any

from mia_core.report.compare.results import Chapter, Results, ShownFigure, ShownTable, ShownVerdict


def chapter(**changes: Any) -> Chapter:
    given = {
        "title": "One",
        "settings": {"seeds": [0, 1]},
        "data": {"name": "digits", "fingerprint": "aa"},
        "glued": {"auc": "0.5 [0.4, 0.6]", "word": "holds"},
        "tables": {"t": ShownTable(caption="T.", columns=["d", "attack", "auc"], rows=[["none", "gap", "0.5"]] * 2)},
        "verdicts": [ShownVerdict(table="v", claim="C.", source="I", measured="+0.1 (1 seed)", outcome="holds")],
        "figures": {"f": ShownFigure(caption="F.", alts=["A line."])},
    }
    return Chapter(**given | changes)


def results(**chapters: Chapter) -> Results:
    return Results(parameters={}, chapters=chapters)

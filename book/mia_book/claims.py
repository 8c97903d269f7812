"""Claims judged and told: families under Holm's correction, their evidence, and words for a sentence."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from mia_core.display import tables
from mia_core.display.tables import difference
from mia_core.measures.claims import CANNOT_TELL, OUTCOMES, Claim, Verdict, corrected, judge
from mia_core.measures.text import NOT_MEASURABLE, around
from mia_core.studies.settings import StudySettings

HERE = "this chapter"
"""Where a claim is made that is this book's own."""


def after(source: str) -> str:
    """Where a claim is made that is this book's own and puts another's to a new test."""
    return f"{HERE}, after {source}"


def on(attack: str, claims: Iterable[Claim]) -> list[tuple[Claim, str]]:
    """The claims, each with the same attack, for `judged`."""
    return [(claim, attack) for claim in claims]


def judged(
    claims: Iterable[tuple[Claim, str]], table: pd.DataFrame, bounds: tuple[float, float] | None = None
) -> list[Verdict]:
    """The verdicts on claims that each name the attack (or split, or group) whose rows they are judged on, after Holm's
    correction over the claims.

    bounds  what the measure cannot leave. Where all values of both sides lie at one of them, there was no room for a
            difference: it is zero on every unit, and what that says of the claim cannot be told

    Left out are claims on what the table does not have or where nothing was measured: a small pool has no TPR at a low
    FPR, a study without canaries nothing to say of them, and one without a defense nothing on it.
    """
    found = []
    for claim, attack in claims:
        rows = table[(table["attack"] == attack) & table[claim.measure].notna()]
        sides = [claim.of, claim.than] if isinstance(claim.than, str) else [claim.of]
        if not set.intersection(*(set(rows.loc[rows["defenses"] == side, "seed"]) for side in sides)):
            continue
        verdict, values = judge(claim, table, attack), set(rows.loc[rows["defenses"].isin(sides), claim.measure])
        stuck = bounds and len(values) == 1 and values <= set(bounds)
        found.append(replace(verdict, outcome=CANNOT_TELL) if stuck else verdict)
    return corrected(found)


def compared(defenses: str | Sequence[str]) -> tuple[str, ...]:
    """The combinations that a chapter is asked to compare, with "none" first where it is missing: claims are held
    against it. Raises `SettingsError` for what is no combination."""
    names = StudySettings(defenses=defenses).defenses
    return names if "none" in names else ("none", *names)


def told(claims: Iterable[Claim], table: pd.DataFrame) -> str:
    """`mia_core.display.tables.told` of those claims on adversary 1 whose sides are in the table."""
    found = (judge_open(claim, table) for claim in claims)
    return tables.told(one for one in found if one.seeds) or NOT_MEASURABLE


def judge_open(claim: Claim, table: pd.DataFrame, attack: str = "adversary1", certain: str = "") -> Verdict:
    """The verdict on a claim; it cannot be told where the run was asked for other defenses than those it compares.

    certain  see `mia_core.measures.claims.judge`
    """
    known = set(table.loc[table["attack"] == attack, "defenses"])
    if claim.of in known and (claim.than in known or not isinstance(claim.than, str)):
        return judge(claim, table, attack, certain=certain)
    return Verdict(claim, CANNOT_TELL, None, None, None, 0)


def side_by_side(table: pd.DataFrame, defenses: str = "none") -> pd.DataFrame:
    """What stands in "attack" (attackers, groups), under one kind of defense, for `judge` to compare: it moves to
    "defenses", and the defense to "attack"."""
    chosen = table[table["defenses"] == defenses]
    return chosen.assign(defenses=chosen["attack"], attack=defenses).reset_index(drop=True)


def listed(parts: Mapping[str, Sequence[Verdict]]) -> tuple[list[Verdict], list[str]]:
    """Verdicts by the figure or table that shows what they rest on, as one list, and that name for each."""
    named = [(verdict, name) for name, verdicts in parts.items() for verdict in verdicts]
    return [verdict for verdict, _ in named], [name for _, name in named]


def in_words(verdicts: Iterable[Verdict], unit: str = "pair", limits: tuple[float, float] | None = None) -> str:
    """Verdicts as text for a sentence: '"It has a lower AUC": holds, -0.021 [-0.030, -0.012] (4 pairs)'."""
    told = []
    for one in verdicts:
        shown = difference(one, unit, limits)
        told.append(around(shown, f'"{one.claim.text.removesuffix(".")}": {one.outcome}, {shown}'))
    return told[0] if len(told) == 1 else "; ".join(told) or NOT_MEASURABLE


def by_outcome(verdicts: Mapping[str, Verdict]) -> str:
    """Places with a verdict each, in words: "holds at 1, 2, 3; does not hold at 0"."""
    places: dict[str, list[str]] = {}
    for place, verdict in verdicts.items():
        places.setdefault(verdict.outcome, []).append(place)
    return "; ".join(f"{outcome} at {', '.join(found)}" for outcome, found in places.items())


def counted(outcomes: Sequence[str] | pd.Series) -> str:
    """How often each outcome stands in a list, in words: "holds: 4, does not hold: 5, no material effect: 0, cannot be
    told: 4"."""
    found = list(outcomes)
    return ", ".join(f"{outcome}: {found.count(outcome)}" for outcome in OUTCOMES)

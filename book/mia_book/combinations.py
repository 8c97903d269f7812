"""Of "Combinations": Table I beside the run, sums of effects, an earlier stop, and verdicts on them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from mia_book.claims import HERE, judge_open
from mia_book.conclusions import (
    BEST_TRADEOFF,
    NO_COMBINATION,
    STRONGEST_COMBINATIONS,
    as_verdict,
    decided_by,
    judge_conclusion,
)
from mia_book.paper import CLAIMS, SAME, TABLE_I
from mia_core.defenses import combination
from mia_core.display.tables import verdicts_table, with_interval
from mia_core.measures.claims import CANNOT_TELL, DOES_NOT_HOLD, HOLDS, NO_EFFECT, Claim, Verdict
from mia_core.measures.text import around
from mia_core.studies.early_stopping import AT_ACCURACY, Held
from mia_core.studies.interactions import Interaction, interactions


def beside_printed(summary: pd.DataFrame) -> pd.DataFrame:
    """Target and attack accuracy of each combination, as Table I of the report prints them and as measured.

    summary  of one data set and attack (see `mia_core.studies.study.over_the_seeds`)
    """
    rows = []
    for _, row in summary.iterrows():
        shown, printed = {"defenses": row["defenses"]}, TABLE_I.get(row["defenses"])
        for name, head in (("target_accuracy", "target"), ("attack_accuracy", "attack")):
            shown[f"{head}, printed"] = "not printed" if printed is None else f"{getattr(printed, name):.2f}"
            shown[f"{head}, measured"] = with_interval(row, name)
        rows.append(shown)
    return pd.DataFrame(rows)


def sums(table: pd.DataFrame, measure: str = "attack_accuracy") -> list[Interaction]:
    """`mia_core.studies.interactions.interactions`; none where no combination stands with all of its parts."""
    known = set(table["defenses"])
    parts = [{str(part) for part in combination(name)} for name in known]
    return interactions(table, measure) if any(len(one) > 1 and one <= known for one in parts) else []


BEST_STOP = "best stop"
REVERSED = ", reversed"
"""Behind a combination's name: the attack was fitted on the target and tested on the shadow."""
SUMS = "Defenses have diminishing returns: every combination is less safe than the sum of its parts."
STOPPING = "Dropout is safer than the earlier stop that is as accurate."
ON_COMBINATIONS: tuple[Claim, ...] = tuple(claim for claim in CLAIMS if "+" in claim.of)
"""Those on single defenses are judged in the chapters on them."""
DIRECTION_CLAIMS: tuple[Claim, ...] = tuple(
    Claim(f"On {name}, the direction leaves attack accuracy as it is, to within {SAME}.",
        HERE, "attack_accuracy", f"{name}{REVERSED}", name, "same", SAME)
    for name in ("none", "smoothing")
)  # fmt: skip
"""On the rows of two studies, attack adversary1."""
BEST_STOP_CLAIMS: tuple[Claim, ...] = (
    Claim(f"Dropout is attacked less than the {BEST_STOP}.",
        HERE, "attack_accuracy", "dropout", BEST_STOP, "lower"),
    Claim(f"Dropout is less accurate than the {BEST_STOP}.",
        HERE, "target_accuracy", "dropout", BEST_STOP, "lower"),
)  # fmt: skip
"""On a study's table and the most accurate recorded epoch of each seed's undefended model, attack adversary1."""


@dataclass(frozen=True)
class Tested:
    """A verdict for the chapter's table.

    decided  the comparison that decided, where there were several
    shows    what shows the measured values: those of single combinations, sums of effects, or an earlier stop
    """

    verdict: Verdict
    decided: str = ""
    shows: Literal["values", "sums", "stopping"] = "values"


def tested(table: pd.DataFrame, held: Iterable[Held], found: Sequence[Interaction]) -> list[Tested]:
    """The report's conclusions on combinations, judged on a study's table, and those on sums of effects and an earlier
    stop.

    held   see `mia_core.studies.early_stopping.held_against_stopping`
    found  see `mia_core.studies.interactions.interactions`
    The last two verdicts come after Holm's correction, the interval shown is uncorrected.
    """
    rows = [Tested(judge_open(claim, table)) for claim in ON_COMBINATIONS]
    for conclusion in (BEST_TRADEOFF, STRONGEST_COMBINATIONS, NO_COMBINATION):
        judged = judge_conclusion(conclusion, table)
        rows.append(Tested(as_verdict(judged), decided_by(judged)))
    return [*rows, sums_tested(found), stopping_tested(held)]


def tested_table(rows: Sequence[Tested], values: str, sums: str, stopping: str) -> pd.DataFrame:
    """`mia_core.display.tables.verdicts_table` of what was `tested`; a difference says which of several comparisons
    decided.

    values, sums, stopping  the figures or tables of the page that show these
    """
    names = {"values": values, "sums": sums, "stopping": stopping}
    shown = verdicts_table([row.verdict for row in rows], evidence=[names[row.shows] for row in rows])
    differences = zip(rows, shown["measured difference"], strict=True)
    shown["measured difference"] = [
        around(text, f"{row.decided}: {text}") if row.decided else text for row, text in differences
    ]
    return shown


def verdict_on(rows: Sequence[Tested], text: str) -> Verdict:
    """The verdict on the claim with this text."""
    return next(row.verdict for row in rows if row.verdict.claim.text == text)


def sums_tested(found: Sequence[Interaction]) -> Tested:
    """Whether every combination is above the sum of its parts: not where any lies below it.

    The difference is that of the combination that decided: one below the sum, else one with no material effect, else
    one that cannot be told, else the one nearest to the sum.
    """
    if not found:
        return Tested(Verdict(Claim(SUMS, "V", "", "", 0.0, "higher"), CANNOT_TELL, None, None, None, 0), shows="sums")
    order = {"below the sum": 0, NO_EFFECT: 1, CANNOT_TELL: 2, "above the sum": 3}
    one = min(found, key=lambda one: (order[one.verdict], abs(one.difference.mean)))
    outcome = (DOES_NOT_HOLD, NO_EFFECT, CANNOT_TELL, HOLDS)[order[one.verdict]]
    claim = Claim(SUMS, "V", one.measure, one.defenses, 0.0, "higher")
    verdict = Verdict(claim, outcome, one.difference.mean, one.difference.low, one.difference.high, one.seeds)
    return Tested(verdict, one.defenses, "sums")


def stopping_tested(held: Iterable[Held]) -> Tested:
    """Whether dropout is safer than the undefended model that stopped when it was as accurate, by attack accuracy.

    Cannot be told where a seed has no stop to be compared with, or nobody was trained with dropout.
    """
    claim = Claim(STOPPING, HERE, "attack_accuracy", "dropout", "an earlier stop", "lower")
    wanted = (claim.of, claim.measure, AT_ACCURACY)
    one = next((one for one in held if (one.defenses, one.measure, one.question) == wanted), None)
    known = one and one.difference
    values = (known.mean, known.low, known.high) if known else (None, None, None)
    words = {"safer": HOLDS, "less safe": DOES_NOT_HOLD, NO_EFFECT: NO_EFFECT}
    outcome = words.get(one.verdict if one else "", CANNOT_TELL)
    return Tested(Verdict(claim, outcome, *values, one.units - one.without if known else 0), shows="stopping")

"""What the chapter on combinations puts to the test: trade-off, sums of effects, an earlier stop; and its exercises."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mia_book.conclusions import (
    BEST_TRADEOFF,
    NO_COMBINATION,
    STRONGEST_COMBINATIONS,
    as_verdict,
    decided_by,
    judge_conclusion,
)
from mia_core.display.tables import verdicts_table
from mia_core.measures.claims import CANNOT_TELL, DOES_NOT_HOLD, HOLDS, Claim, Verdict, judge
from mia_core.studies.early_stopping import Held
from mia_core.studies.interactions import Interaction
from mia_core.studies.paper import CLAIMS, SAME

if TYPE_CHECKING:
    import pandas as pd

BEST_STOP = "best stop"
REVERSED = ", reversed"
"""Behind a combination's name: the attack was fitted on the target and tested on the shadow."""

SUMS = "Defenses have diminishing returns: every combination is less safe than the sum of its parts."
STOPPING = "Dropout is safer than stopping earlier, at equal accuracy."

DIRECTION_CLAIMS: tuple[Claim, ...] = tuple(
    Claim(
        f"On {name}, the direction leaves attack accuracy as it is, to within {SAME}.",
        "this chapter", "attack_accuracy", f"{name}{REVERSED}", name, "same", SAME,
    )
    for name in ("none", "smoothing")
)  # fmt: skip
"""On `both_directions`, attack adversary1."""

BEST_STOP_CLAIMS: tuple[Claim, ...] = (
    Claim(f"Dropout is attacked less than the {BEST_STOP}.", "this chapter", "attack_accuracy", "dropout", BEST_STOP,
        "lower",
    ),
    Claim(f"Dropout is less accurate than the {BEST_STOP}.", "this chapter", "target_accuracy", "dropout", BEST_STOP,
        "lower",
    ),
)  # fmt: skip
"""On `with_best_stop`, attack adversary1."""


@dataclass(frozen=True)
class Tested:
    """A verdict for the chapter's table.

    decided  the comparison that decided, where there were several
    shows    what shows the measured values: those of single combinations, sums of effects, or an earlier stop
    """

    verdict: Verdict
    decided: str = ""
    shows: Literal["values", "sums", "stopping"] = "values"


def tested(table: "pd.DataFrame", held: Iterable[Held], found: Sequence[Interaction]) -> list[Tested]:
    """The report's conclusions on a study's table, and those on sums of effects and an earlier stop.

    held   see `mia_core.studies.early_stopping.held_against_stopping`
    found  see `mia_core.studies.interactions.interactions`
    The last two verdicts come after Holm's correction, the interval shown is uncorrected.
    """
    rows = [Tested(judge(claim, table)) for claim in CLAIMS]
    for conclusion in (BEST_TRADEOFF, STRONGEST_COMBINATIONS, NO_COMBINATION):
        judged = judge_conclusion(conclusion, table)
        rows.append(Tested(as_verdict(judged), decided_by(judged)))
    return [*rows, sums_tested(found), stopping_tested(held)]


def tested_table(rows: Sequence[Tested], values: str, sums: str, stopping: str) -> "pd.DataFrame":
    """`mia_core.display.tables.verdicts_table` of what was `tested`; a difference says which of several comparisons
    decided.

    values, sums, stopping  the figures or tables of the page that show these
    """
    names = {"values": values, "sums": sums, "stopping": stopping}
    shown = verdicts_table([row.verdict for row in rows], evidence=[names[row.shows] for row in rows])
    differences = zip(rows, shown["measured difference"], strict=True)
    shown["measured difference"] = [f"{row.decided}: {text}" if row.decided else text for row, text in differences]
    return shown


def verdict_on(rows: Sequence[Tested], text: str) -> Verdict:
    """The verdict on the claim with this text."""
    return next(row.verdict for row in rows if row.verdict.claim.text == text)


def sums_tested(found: Sequence[Interaction]) -> Tested:
    """Whether every combination is above the sum of its parts: not where any lies below it.

    The difference is that of the combination that decided: one below the sum, else one that cannot be told, else the
    one nearest to the sum.
    """
    order = {"below the sum": 0, "cannot be told": 1, "above the sum": 2}
    one = min(found, key=lambda one: (order[one.verdict], abs(one.difference.mean)))
    outcome = (DOES_NOT_HOLD, CANNOT_TELL, HOLDS)[order[one.verdict]]
    claim = Claim(SUMS, "V", one.measure, one.defenses, 0.0, "higher")
    verdict = Verdict(claim, outcome, one.difference.mean, one.difference.low, one.difference.high, one.seeds)
    return Tested(verdict, one.defenses, "sums")


def stopping_tested(held: Iterable[Held]) -> Tested:
    """Whether dropout is safer than the undefended model that stopped when it was as accurate, by attack accuracy.

    Cannot be told where a seed has no stop to be compared with.
    """
    one = next(one for one in held if (one.defenses, one.measure) == ("dropout", "attack_accuracy"))
    outcome = {"safer": HOLDS, "less safe": DOES_NOT_HOLD, "cannot be told": CANNOT_TELL}[one.verdict]
    known = one.difference
    values = (None, None, None) if known is None else (known.mean, known.low, known.high)
    claim = Claim(STOPPING, "this chapter", one.measure, one.defenses, 0.0, "lower")
    return Tested(Verdict(claim, outcome, *values, one.compared), shows="stopping")


def both_directions(forward: "pd.DataFrame", reverse: "pd.DataFrame") -> "pd.DataFrame":
    """A study's rows of the combinations in `reverse`, and below them those of `reverse`, their names marked."""
    import pandas as pd

    names = reverse["defenses"].unique()
    return pd.concat(
        [forward[forward["defenses"].isin(names)], reverse.assign(defenses=reverse["defenses"] + REVERSED)]
    )


def with_best_stop(table: "pd.DataFrame", epochs: "pd.DataFrame") -> "pd.DataFrame":
    """A study's table below the most accurate recorded epoch of each seed's undefended model, called "best stop".

    epochs  see `mia_core.studies.early_stopping.epochs_table`, of one attack
    """
    import pandas as pd

    rows = epochs.reset_index(drop=True)
    stops = rows.groupby("seed")["target_accuracy"].idxmax()
    return pd.concat([rows.loc[stops].assign(defenses=BEST_STOP), table], ignore_index=True)

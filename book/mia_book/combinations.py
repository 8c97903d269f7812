"""Of "Combinations": Pareto front, sums of effects, an earlier stop, and verdicts on them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd
from matplotlib.figure import Figure

from mia_book.claims import HERE, judge_open
from mia_book.conclusions import (
    BEST_TRADEOFF,
    NO_COMBINATION,
    STRONGEST_COMBINATIONS,
    as_verdict,
    decided_by,
    judge_conclusion,
)
from mia_book.paper import CLAIMS, SAME
from mia_book.wording import two_lines
from mia_core.defenses import combination
from mia_core.display.plots import privacy_utility
from mia_core.display.svg import LINES, figure, style
from mia_core.display.tables import verdicts_table
from mia_core.measures.claims import CANNOT_TELL, DOES_NOT_HOLD, HOLDS, NO_EFFECT, Claim, Verdict
from mia_core.measures.text import around, heading
from mia_core.studies.early_stopping import Held
from mia_core.studies.interactions import Interaction, interactions
from mia_core.studies.pareto import pareto_front


def with_front(summary: pd.DataFrame, measure: str = "attack_accuracy") -> tuple[Figure, str]:
    """`mia_core.display.plots.privacy_utility` with the Pareto front of the means drawn as a staircase.

    Left and above of the staircase some combination is at least as good in both; nothing measured lies on its other
    side.
    summary  of one data set and attack (see `mia_core.studies.study.over_the_seeds`)
    """
    fig, alt = privacy_utility(summary, measure)
    names = pareto_front(summary, measure)
    points = summary.set_index("defenses").loc[names]
    axes = fig.axes[0]
    # The staircase goes on to the edges of the plot, which must not move for it.
    limits = axes.get_xlim(), axes.get_ylim()
    x = [limits[0][0], *points["target_accuracy"], points["target_accuracy"].iloc[-1]]
    y = [points[measure].iloc[0], *points[measure], limits[1][1]]
    axes.plot(x, y, drawstyle="steps-pre", color=LINES, linewidth=1, zorder=0)
    axes.set(xlim=limits[0], ylim=limits[1])
    return fig, f"{alt} On the Pareto front: {', '.join(names)}."


def sums(table: pd.DataFrame, measure: str = "attack_accuracy") -> list[Interaction]:
    """`mia_core.studies.interactions.interactions`; none where no combination stands with all of its parts."""
    known = set(table["defenses"])
    parts = [{str(part) for part in combination(name)} for name in known]
    return interactions(table, measure) if any(len(one) > 1 and one <= known for one in parts) else []


def sums_of_effects(found: list[Interaction]) -> tuple[Figure, str]:
    """For each combination, what its parts would give if their effects added up, and what was measured."""
    fig, axes = figure(height=1.2 + 0.45 * len(found))
    if not found:
        return fig, "An empty figure: no combination stands with all of its parts in this run."
    parts, words = [], heading(found[0].measure)
    for row, one in enumerate(reversed(found)):
        axes.plot([one.expected, one.measured], [row, row], color=LINES, linewidth=1, zorder=0)
        for series, value, label in ((1, one.expected, "sum of the parts"), (0, one.measured, "measured")):
            look = style(series)
            look |= {"linestyle": "", "markersize": 7, "markerfacecolor": "none" if series else look["color"]}
            axes.plot(value, row, label=None if row else label, **look)
        parts.insert(0, f"{one.defenses} {one.expected:.2f} / {one.measured:.2f}")
    axes.set_yticks(range(len(found)), [two_lines(one.defenses) for one in reversed(found)])
    axes.set(xlabel=f"{words} (to the left: safer)", ylim=(-0.6, len(found) - 0.4))
    fig.legend(loc="outside lower center", ncols=2)
    return fig, f"Sum of the parts / measured {words}: {'; '.join(parts)}."


BEST_STOP = "best stop"
REVERSED = ", reversed"
"""Behind a combination's name: the attack was fitted on the target and tested on the shadow."""
SUMS = "Defenses have diminishing returns: every combination is less safe than the sum of its parts."
STOPPING = "Dropout is safer than stopping earlier, at equal accuracy."
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
    """The report's conclusions on a study's table, and those on sums of effects and an earlier stop.

    held   see `mia_core.studies.early_stopping.held_against_stopping`
    found  see `mia_core.studies.interactions.interactions`
    The last two verdicts come after Holm's correction, the interval shown is uncorrected.
    """
    rows = [Tested(judge_open(claim, table)) for claim in CLAIMS]
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
    claim = Claim(STOPPING, HERE, "attack_accuracy", "dropout", 0.0, "lower")
    one = next((one for one in held if (one.defenses, one.measure) == (claim.of, claim.measure)), None)
    known = one and one.difference
    values = (known.mean, known.low, known.high) if known else (None, None, None)
    outcome = {"safer": HOLDS, "less safe": DOES_NOT_HOLD}.get(one.verdict if one else "", CANNOT_TELL)
    return Tested(Verdict(claim, outcome, *values, one.compared if one else 0), shows="stopping")

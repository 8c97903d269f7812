"""The book's tables, from a study's summary and from verdicts: numbers and their intervals as text."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from mia_core.display.shown import Evidence, Explained
from mia_core.measures.intervals import Interval
from mia_core.measures.text import NOT_MEASURABLE, around, heading, number, signed, with_interval
from mia_core.measures.text import percent as percent  # for the chapters' cells

if TYPE_CHECKING:
    import pandas as pd

    from mia_core.measures.claims import Verdict


def upright(row: "pd.Series", names: Iterable[str]) -> "pd.DataFrame":
    """Measures of one row of a summary, each on a line of its own: a table that fits a phone."""
    import pandas as pd

    lines = [[heading(name), with_interval(row, name)] for name in names]
    return pd.DataFrame(lines, columns=["measure", "mean over seeds, 95% interval"])


def measures(summary: "pd.DataFrame", names: Iterable[str]) -> "pd.DataFrame":
    """Measures of a summary with their intervals, one row a combination and attack."""
    import pandas as pd

    return pd.DataFrame(
        {"defenses": row["defenses"], "attack": row["attack"]}
        | {heading(name): with_interval(row, name) for name in names}
        for _, row in summary.iterrows()
    )


def verdicts_table(
    verdicts: "Sequence[Verdict]",
    unit: str = "seed",
    limits: tuple[float, float] | None = None,
    *,
    evidence: str | Sequence[str],
) -> "pd.DataFrame":
    """Claims and what the run says of each: difference with interval and number of seeds, verdict, where to see it.

    unit, limits  see `difference`
    evidence      the figure or table of the page that shows what was measured, such as "fig-epochs": one for all
                  claims, or one a claim
    """
    import pandas as pd

    names = [evidence] * len(verdicts) if isinstance(evidence, str) else evidence
    rows = []
    for verdict, name in zip(verdicts, names, strict=True):
        rows.append(
            {
                "claim": verdict.claim.text,
                "verdict": Explained(verdict.outcome, verdict.claim.threshold),  # in sight on a phone
                "measured difference": difference(verdict, unit, limits),
                "made in": verdict.claim.source,
                "evidence": Evidence(name),
            }
        )
    return pd.DataFrame(rows)


def difference(verdict: "Verdict", unit: str = "seed", limits: tuple[float, float] | None = None) -> str:
    """What a verdict measured, as "+0.075 [+0.061, +0.089] (3 seeds)"; without any seed, that it is not measurable.

    What is certain says why in place of an interval: "+0.000 by construction (3 seeds)". A bound has as many decimals
    as it takes to lie, as printed, on its side of zero and of the claim's thresholds.

    unit    what is counted behind the difference, where it is not seeds
    limits  what the difference cannot leave, such as (-1, 1) for one of shares: the interval is cut to it
    """
    if verdict.difference is None:
        return NOT_MEASURABLE
    found = Interval(verdict.difference, verdict.low, verdict.high)
    found = signed(found.cut(*limits) if limits else found, marks=verdict.claim.thresholds)
    if verdict.certain:
        alone = number(verdict.difference, sign="+")
        found = around(alone, f"{alone} {verdict.certain}")
    return around(found, f"{found} ({verdict.seeds} {unit}{'s' if verdict.seeds > 1 else ''})", verdict.seeds)


def told(verdicts: "Iterable[Verdict]") -> str:
    """Claims with their verdicts and differences, one after the other: "“It falls” holds, -0.075 [...] (3 seeds)"."""
    parts = []
    for verdict in verdicts:
        shown = difference(verdict)
        parts.append(around(shown, f"“{verdict.claim.text.rstrip('.')}” {verdict.outcome}, {shown}"))
    return parts[0] if len(parts) == 1 else "; ".join(parts)

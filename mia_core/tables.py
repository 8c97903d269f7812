"""The book's tables, from a study's summary and from verdicts, with values and intervals as text."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mia_core.report import TABLE_I

if TYPE_CHECKING:
    import pandas as pd

    from mia_core.claims import Verdict

NOT_MEASURABLE = "not measurable"


def heading(column: str) -> str:
    """A column of a study's table as a table of the book heads it: "AUC", "TPR at 1% FPR", "recall of members"."""
    if level := re.fullmatch(r"tpr_at_fpr_([\d.]+)", column):
        return f"TPR at {100 * float(level[1]):g}% FPR"
    words = column.replace("recall_", "recall of ").replace("non_", "non-").replace("_", " ")
    return {"auc": "AUC"}.get(column, words)


def with_interval(row: "pd.Series | dict", name: str, digits: int = 3) -> str:
    """A measure of a summary's row as "0.837 [0.831, 0.843]"; without bounds for a single seed."""
    value, low, high = row[name], row[f"{name}_low"], row[f"{name}_high"]
    if value is None or value != value:
        return NOT_MEASURABLE
    bounds = "" if low is None or low != low else f" [{low:.{digits}f}, {high:.{digits}f}]"
    return f"{value:.{digits}f}{bounds}"


def beside_table_i(summary: "pd.DataFrame") -> "pd.DataFrame":
    """Table I of the report and the same measures of a study, as "printed | measured", one row a combination."""
    import pandas as pd

    names = ("target_accuracy", "attack_accuracy", "recall_members", "recall_non_members")
    rows = []
    for _, row in summary.iterrows():
        printed = TABLE_I.get(row["defenses"])
        cells = {"defenses": row["defenses"]}
        for name in names:
            before = f"{getattr(printed, name):.2f}" if printed else "not in it"
            cells[heading(name)] = f"{before} | {with_interval(row, name, 2 if 'recall' in name else 3)}"
        rows.append(cells)
    return pd.DataFrame(rows)


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
    verdicts: "Iterable[Verdict]", unit: str = "seed", limits: tuple[float, float] | None = None
) -> "pd.DataFrame":
    """Claims and what the run says of each: difference with interval and number of seeds, verdict.

    unit, limits  see `difference`
    """
    import pandas as pd

    rows = []
    for verdict in verdicts:
        rows.append(
            {
                "claim": verdict.claim.text,
                "made in": verdict.claim.source,
                "measured difference": difference(verdict, unit, limits),
                "verdict": verdict.outcome,
            }
        )
    return pd.DataFrame(rows)


def difference(verdict: "Verdict", unit: str = "seed", limits: tuple[float, float] | None = None) -> str:
    """What a verdict measured, as "+0.075 [+0.061, +0.089] (3 seeds)"; without any seed, that it is not measurable.

    unit    what is counted behind the difference, where it is not seeds
    limits  what the difference cannot leave, such as (-1, 1) for one of shares: the interval is cut to it
    """
    if verdict.difference is None:
        return NOT_MEASURABLE
    bounds = ""
    if verdict.low is not None and verdict.high is not None:
        least, most = limits or (verdict.low, verdict.high)
        bounds = f" [{max(verdict.low, least):+.3f}, {min(verdict.high, most):+.3f}]"
    return f"{verdict.difference:+.3f}{bounds} ({verdict.seeds} {unit}{'s' if verdict.seeds > 1 else ''})"

"""The book's tables, from a study's summary and from verdicts, with values and intervals as text."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mia_core.report import TABLE_I

if TYPE_CHECKING:
    import pandas as pd

    from mia_core.claims import Verdict

NOT_MEASURABLE = "not measurable"


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
            cells[name.replace("_", " ")] = f"{before} | {with_interval(row, name, 2 if 'recall' in name else 3)}"
        rows.append(cells)
    return pd.DataFrame(rows)


def upright(row: "pd.Series", names: Iterable[str]) -> "pd.DataFrame":
    """Measures of one row of a summary, each on a line of its own: a table that fits a phone."""
    import pandas as pd

    lines = [[name.replace("_", " "), with_interval(row, name)] for name in names]
    return pd.DataFrame(lines, columns=["measure", "mean over seeds, 95% interval"])


def measures(summary: "pd.DataFrame", names: Iterable[str]) -> "pd.DataFrame":
    """Measures of a summary with their intervals, one row a combination and attack."""
    import pandas as pd

    return pd.DataFrame(
        {"defenses": row["defenses"], "attack": row["attack"]}
        | {name.replace("_", " "): with_interval(row, name) for name in names}
        for _, row in summary.iterrows()
    )


def verdicts_table(verdicts: "Iterable[Verdict]") -> "pd.DataFrame":
    """Claims and what the run says of each: difference with interval and number of seeds, verdict."""
    import pandas as pd

    rows = []
    for verdict in verdicts:
        rows.append(
            {
                "claim": verdict.claim.text,
                "made in": verdict.claim.source,
                "measured difference": difference(verdict),
                "verdict": verdict.outcome,
            }
        )
    return pd.DataFrame(rows)


def difference(verdict: "Verdict") -> str:
    """What a verdict measured, as "+0.075 [+0.061, +0.089] (3 seeds)"; without any seed, that it is not measurable."""
    if verdict.difference is None:
        return NOT_MEASURABLE
    bounds = "" if verdict.low is None else f" [{verdict.low:+.3f}, {verdict.high:+.3f}]"
    return f"{verdict.difference:+.3f}{bounds} ({verdict.seeds} seed{'s' if verdict.seeds > 1 else ''})"

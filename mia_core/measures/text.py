"""Numbers and the names of measures as text, for tables, sentences and alt texts."""

import re
from typing import Any, Literal

from mia_core.measures.intervals import Interval

NOT_MEASURABLE = "not measurable"


def heading(column: str) -> str:
    """A column of a study's table as a table of the book heads it: "AUC", "TPR at 1% FPR", "recall of members"."""
    if level := re.fullmatch(r"tpr_at_fpr_([\d.]+)", column):
        return f"TPR at {100 * float(level[1]):g}% FPR"
    words = column.replace("recall_", "recall of ").replace("non_", "non-").replace("_", " ")
    return {"auc": "AUC"}.get(column, words)


def number(value: float, digits: int = 3, sign: Literal["", "+"] = "") -> str:
    """A number with this many decimals; with "+" a plus is written too. What rounds to 0 has no minus."""
    return f"{round(float(value), digits) + 0.0:{sign}.{digits}f}"


def with_interval(row: Any, name: str, digits: int = 3) -> str:
    """A measure of a summary's row as "0.837 [0.831, 0.843]"; without bounds for a single seed.

    row  a dict or pandas series with the columns name, name_low and name_high
    """
    value, low, high = row[name], row[f"{name}_low"], row[f"{name}_high"]
    if value is None or value != value:
        return NOT_MEASURABLE
    bounds = "" if low is None or low != low else f" [{number(low, digits)}, {number(high, digits)}]"
    return f"{number(value, digits)}{bounds}"


def signed(interval: Interval, digits: int = 3) -> str:
    """A difference as "+0.075 [+0.061, +0.089]", without bounds where they are not known."""
    mean, *bounds = (
        None if value is None else number(value, digits, "+") for value in (interval.mean, interval.low, interval.high)
    )
    return f"{mean}" if None in bounds else f"{mean} [{bounds[0]}, {bounds[1]}]"


def p_in_words(p: float | None) -> str:
    """A p-value with three decimals; "<0.001" for a smaller one, which is not zero; None: not measurable."""
    if p is None:
        return NOT_MEASURABLE
    return "<0.001" if p < 0.001 else f"{p:.3f}"

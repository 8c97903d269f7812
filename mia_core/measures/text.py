"""Numbers and the names of measures as text, for tables, sentences and alt texts."""

from typing import TYPE_CHECKING, Literal

from mia_core.measures.intervals import Interval

if TYPE_CHECKING:
    pass

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


NOT_MEASURABLE = "not measurable"


def heading(column: str) -> str:
    """A column of a study's table as a table of the book heads it: "AUC", "TPR at 1% FPR", "recall of members"."""
    if level := re.fullmatch(r"tpr_at_fpr_([\d.]+)", column):
        return f"TPR at {100 * float(level[1]):g}% FPR"
    words = column.replace("recall_", "recall of ").replace("non_", "non-").replace("_", " ")
    return {"auc": "AUC"}.get(column, words)


def number(value: float, digits: int = 3, sign: Literal["", "+"] = "") -> str:
    """A number with so many digits behind the point; with "+" a plus is written too. What rounds to 0 has no minus."""
    return f"{round(float(value), digits) + 0.0:{sign}.{digits}f}"


def signed(interval: Interval, digits: int = 3) -> str:
    """A difference as "+0.075 [+0.061, +0.089]", without bounds where they are not known."""
    mean, *bounds = (
        None if value is None else number(value, digits, "+") for value in (interval.mean, interval.low, interval.high)
    )
    return f"{mean}" if None in bounds else f"{mean} [{bounds[0]}, {bounds[1]}]"


def p_in_words(p: float | None) -> str:
    """A p-value with three digits; "<0.001" for a smaller one, which is not zero; None: not measurable."""
    if p is None:
        return NOT_MEASURABLE
    return "<0.001" if p < 0.001 else f"{p:.3f}"

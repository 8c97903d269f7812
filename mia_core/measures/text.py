"""Numbers and the names of measures as text, for tables, sentences and alt texts."""

import math
import re
from collections.abc import Sequence
from typing import Any, Literal

from mia_core.measures.intervals import Interval

NOT_MEASURABLE = "not measurable"
MOST_DIGITS = 6


class Measured(str):
    """A measured number as text, such as "0.837 [0.831, 0.843]", that still knows the number for programs to read.

    interval  the number and its bounds, as rounded in the text
    seeds     the number of seeds behind it, where the text says it
    """

    interval: Interval
    seeds: int | None

    def __new__(
        cls, text: str, value: float, low: float | None = None, high: float | None = None, seeds: int | None = None
    ) -> "Measured":
        """The text, and what it says."""
        made = super().__new__(cls, text)
        made.interval, made.seeds = Interval(value, low, high), seeds
        return made


def around(cell: str, text: str, seeds: int | None = None) -> str:
    """A longer text about the same number, if the cell is one: `around(cell, f"lira {cell}")`.

    seeds  the number of seeds behind it, where the longer text says it
    """
    if not isinstance(cell, Measured):
        return text
    found = cell.interval
    return Measured(text, found.mean, found.low, found.high, cell.seeds if seeds is None else seeds)


def heading(column: str) -> str:
    """A column of a study's table as a table of the book heads it: "AUC", "TPR at 1% FPR", "recall of members"."""
    if level := re.fullmatch(r"tpr_at_fpr_([\d.]+)", column):
        return f"TPR at {100 * float(level[1]):g}% FPR"
    words = column.replace("recall_", "recall of ").replace("non_", "non-").replace("_", " ")
    return {"auc": "AUC"}.get(column, words)


def number(value: float, digits: int = 3, sign: Literal["", "+"] = "") -> Measured:
    """A number with this many decimals; with "+" a plus is written too. What rounds to 0 has no minus."""
    rounded = round(float(value), digits) + 0.0
    return Measured(f"{rounded:{sign}.{digits}f}", rounded)


def percent(share: float, digits: int = 0) -> Measured:
    """A share in [0, 1] in percent with this many decimals: "42%"."""
    return Measured(f"{share:.{digits}%}", round(100 * float(share), digits) / 100)


def with_bounds(value: Measured, low: Measured, high: Measured) -> Measured:
    """A number and the bounds of its interval as one text: "42% [40%, 45%]"."""
    return Measured(f"{value} [{low}, {high}]", *(part.interval.mean for part in (value, low, high)))


def with_interval(row: Any, name: str, digits: int = 3) -> str:
    """A measure of a summary's row as "0.837 [0.831, 0.843]"; without bounds for a single seed.

    row  a dict or pandas series with the columns name, name_low and name_high
    """
    value, low, high = row[name], row[f"{name}_low"], row[f"{name}_high"]
    if value is None or value != value:
        return NOT_MEASURABLE
    if low is None or low != low:
        return number(value, digits)
    return with_bounds(number(value, digits), number(low, digits), number(high, digits))


def signed(interval: Interval, digits: int = 3, marks: Sequence[float] = (0.0,)) -> Measured:
    """A difference as "+0.075 [+0.061, +0.089]", without bounds where they are not known.

    marks  values on the same side of which each bound lies as printed as it does unrounded, up to the sixth decimal
    """
    if interval.low is None or interval.high is None:
        return number(interval.mean, digits, "+")
    while digits < MOST_DIGITS and not _on_their_sides((interval.low, interval.high), marks, digits):
        digits += 1
    mean = number(interval.mean, digits, "+")
    return with_bounds(mean, number(interval.low, digits, "+"), number(interval.high, digits, "+"))


def _on_their_sides(bounds: Sequence[float], marks: Sequence[float], digits: int) -> bool:
    def side(bound: float, mark: float) -> int:
        far = bound - mark
        return 0 if abs(far) < 0.1**MOST_DIGITS / 2 else int(math.copysign(1, far))

    return all(side(bound, mark) == side(round(bound, digits), mark) for bound in bounds for mark in marks)


def p_in_words(p: float | None) -> str:
    """A p-value with three decimals; "<0.001" for a smaller one, which is not zero; None: not measurable."""
    if p is None:
        return NOT_MEASURABLE
    return "<0.001" if p < 0.001 else number(p)

"""Means, shares and the names of combinations and attacks, as the chapters write them."""

import re
from collections.abc import Iterable

from mia_core.display.tables import with_interval
from mia_core.measures.intervals import clopper_pearson, over_seeds
from mia_core.measures.text import NOT_MEASURABLE, percent, with_bounds

_SPELT = {"lira": "LiRA", "rmia": "RMIA", "base": "BASE", "rapid": "RAPID"}


def mean_in_words(values: Iterable[float], digits: int = 3, errors: Iterable[float] | None = None) -> str:
    """The mean over units of a measure in [0, 1] and its interval, cut to that range: "0.428 [0.401, 0.455]".

    errors  what the examples' counts tell of each, see `mia_core.measures.intervals.over_seeds`
    """
    known = [float(value) for value in values]
    if not known or any(value != value for value in known):
        return NOT_MEASURABLE
    found = over_seeds(known, errors=None if errors is None else list(errors)).cut()
    return with_interval({"x": found.mean, "x_low": found.low, "x_high": found.high}, "x", digits)


def share_in_words(share: float | None, of: int) -> str:
    """A share of `of` examples of one target in percent, with Clopper and Pearson's interval: "5.6% [4.0%, 7.6%]"."""
    if share is None:
        return NOT_MEASURABLE
    low, high = clopper_pearson(round(share * of), of)
    return with_bounds(*(percent(part, 1) for part in (share, low, high)))


def named(defenses: str) -> str:
    """A combination as a sentence or a head has it: "smoothing (ε = −0.1)" for "smoothing(epsilon=-0.1)"."""
    return re.sub(r"\(epsilon=(-?)([\d.]+)\)", lambda found: f" (ε = {'−' if found[1] else ''}{found[2]})", defenses)


def spelt(attack: str) -> str:
    """An attack's name as it is spelt in a sentence, "t-LiRA" for "t-lira"."""
    return re.sub("|".join(_SPELT), lambda found: _SPELT[found[0]], attack)


def two_lines(name: str) -> str:
    """A long name in two lines, so that it leaves room for the plot on a phone."""
    first, _, rest = name.rpartition("+")
    return f"{first}\n+{rest}" if first.count("+") else name

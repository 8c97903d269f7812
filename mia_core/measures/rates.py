"""Intervals from counts alone for an AUC and for the difference of two rates; none is ever a point."""

import math

from scipy.optimize import brentq
from scipy.special import ndtri

from mia_core.base.errors import SettingsError
from mia_core.measures.intervals import clopper_pearson


def auc_interval(auc: float, members: int, non_members: int, confidence: float = 0.95) -> tuple[float, float]:
    """Score interval for an AUC found on this many members and non-members.

    Its ends are those values whose own standard error (Hanley and McNeil 1982) puts `auc` just within reach, as
    Newcombe 2006 proposes ("Confidence intervals for an effect size measure based on the Mann-Whitney statistic. Part
    2", method 5): inside 0 ... 1, and not a point where the AUC is 0 or 1.
    """
    if not 0 <= auc <= 1:
        raise SettingsError(f"auc: expected 0 to 1, found {auc}")
    z = float(ndtri((1 + confidence) / 2))
    mean = (members + non_members) / 2 - 1

    def beyond(true: float) -> float:
        spread = true * (1 - true) * (1 + mean * ((1 - true) / (2 - true) + true / (1 + true)))
        return (auc - true) ** 2 - z**2 * spread / (members * non_members)

    low = 0.0 if auc == 0 else float(brentq(beyond, 0, min(auc, 1 - 1e-12)))
    high = 1.0 if auc == 1 else float(brentq(beyond, max(auc, 1e-12), 1))
    return low, high


def difference_interval(
    first: int, of_first: int, second: int, of_second: int, confidence: float = 0.95
) -> tuple[float, float]:
    """Interval for the difference of two independent rates, `first` of `of_first` less `second` of `of_second`.

    The distances to each rate's own limits are squared and added (Newcombe 1998, "Interval estimation for the
    difference between independent proportions", method 10, here with Clopper-Pearson's limits, which makes it wider).
    """
    one, other = first / of_first, second / of_second
    (low_one, high_one), (low_other, high_other) = (
        clopper_pearson(count, total, confidence) for count, total in ((first, of_first), (second, of_second))
    )
    below = math.hypot(one - low_one, high_other - other)
    above = math.hypot(high_one - one, other - low_other)
    return one - other - below, one - other + above

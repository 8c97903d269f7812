"""How far chance among the examples moves one measured value: its standard error, from the counts behind it.

Rates are smoothed by two successes and two failures (Agresti and Coull 1998, "Approximate Is Better than Exact"), so
that 0 of n and n of n are not taken for certain. What has no counts behind it has no error: NaN.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mia_core.measures.intervals import Interval, over_seeds
from mia_core.measures.metrics import level_of
from mia_core.measures.ranking import Blocks

if TYPE_CHECKING:
    import pandas as pd

OF_MEMBERS = ("recall_members", "target_train_accuracy")
OF_NON_MEMBERS = ("recall_non_members", "target_accuracy", "shadow_accuracy")
GAP = ("target_train_accuracy", "target_accuracy")
"""The two accuracies whose difference is the generalisation gap."""


def smoothed(rate: Any, trials: Any) -> Any:
    """A rate out of `trials` with two successes and two failures added."""
    return (rate * trials + 2) / (trials + 4)


def rate_error(rate: Any, trials: Any) -> Any:
    """Standard error of a rate out of independent `trials`; never 0."""
    p = smoothed(rate, trials)
    return np.sqrt(p * (1 - p) / (trials + 4))


def tpr_error(tpr: Any, level: float, members: Any, non_members: Any) -> Any:
    """Standard error of a TPR at an FPR `level`: that of the members' rate, and that of the threshold.

    The threshold is where `non_members` put it, and moves the TPR along the ROC. Its slope there is that of two normal
    distributions of equal variance through this point, phi(z(TPR)) / phi(z(level)).
    """
    from scipy.special import ndtri

    slope = np.exp((ndtri(level) ** 2 - ndtri(smoothed(tpr, members)) ** 2) / 2)
    return np.hypot(rate_error(tpr, members), slope * np.sqrt(level * (1 - level) / non_members))


def auc_error(auc: Any, members: Any, non_members: Any) -> Any:
    """Standard error of an AUC from its value and both counts alone (Hanley and McNeil 1982); never 0."""
    a = smoothed(auc, np.minimum(members, non_members))
    first, second = a / (2 - a), 2 * a**2 / (1 + a)
    spread = a * (1 - a) + (members - 1) * (first - a**2) + (non_members - 1) * (second - a**2)
    return np.sqrt(spread / (members * non_members))


def auc_error_of(blocks: Blocks) -> float:
    """Standard error of an AUC from the scores (DeLong et al. 1988), with one undecided example added to each side: it
    ranks above half of the other side. So the error is not 0 where the sides are parted, and hardly larger elsewhere.
    """
    variance = 0.0
    for own, other in ((blocks.members, blocks.non_members), (blocks.non_members, blocks.members)):
        share = (np.cumsum(other) - other / 2) / other.sum()
        values, counts = np.append(share, 0.5), np.append(own, 1)
        variance += np.cov(values, fweights=counts) / counts.sum()
    return float(np.sqrt(variance))


def errors(table: "pd.DataFrame", measure: str) -> NDArray[np.float64]:
    """The standard error behind each row's `measure`: float64 [rows], NaN where it is not known.

    From the columns members and non_members, which tables of studies have. Where the table has a column MEASURE_error,
    that is taken: tables of means over targets bring theirs.
    """
    if f"{measure}_error" in table:
        return _column(table, f"{measure}_error")
    if not {"members", "non_members", measure} <= set(table.columns):
        return np.full(len(table), np.nan)
    value, members, non_members = (_column(table, name) for name in (measure, "members", "non_members"))
    level = level_of(measure)
    with np.errstate(invalid="ignore", divide="ignore"):
        if measure in OF_MEMBERS:
            return rate_error(value, members)
        if measure in OF_NON_MEMBERS:
            return rate_error(value, non_members)
        if measure == "attack_accuracy":
            return rate_error(value, members + non_members)
        if measure == "balanced_accuracy":  # as many trials as give the variance of a mean of two equal recalls
            return rate_error(value, 4 / (1 / members + 1 / non_members))
        if measure == "auc":
            return auc_error(value, members, non_members)
        if level:
            return tpr_error(value, level, members, non_members)
        if measure == "generalisation_gap" and set(GAP) <= set(table.columns):
            return np.hypot(*(errors(table, name) for name in GAP))
    return np.full(len(table), np.nan)


def mean_over(rows: "pd.DataFrame", measure: str, confidence: float = 0.95) -> Interval:
    """`over_seeds` of a measure of these rows, one per seed, with the errors that their counts tell.

    Raises `ArrayError` where a value is missing.
    """
    return over_seeds(_column(rows, measure), confidence, errors(rows, measure))


def _column(table: "pd.DataFrame", name: str) -> NDArray[np.float64]:
    return table[name].to_numpy(dtype=np.float64, na_value=np.nan)

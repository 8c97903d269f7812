"""Student's t-test on differences over paired seeds, with Holm's correction over all that are tested together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mia_core.base.errors import SettingsError
from mia_core.measures.intervals import Interval, over_seeds


@dataclass(frozen=True)
class PairedTest:
    """What paired differences say, one of several that were tested together.

    difference  their mean with Student's interval, not corrected; None where there is no difference at all
    p           of the paired t-test, None for fewer than two seeds; adjusted: after Holm's correction
    seeds       number of differences
    sign        "higher" or "lower" than 0 where `adjusted` is at most alpha, else None: it cannot be told
    """

    difference: Interval | None
    p: float | None
    adjusted: float | None
    seeds: int
    sign: str | None


def paired_tests(differences: Sequence[NDArray[np.float64]], alpha: float = 0.05) -> list[PairedTest]:
    """Test each list of paired differences [seeds] against 0, at a chance of at most `alpha` of even one wrong sign.

    Raises `SettingsError` for an alpha outside 0 ... 1.
    """
    if not 0 < alpha < 1:
        raise SettingsError(f"alpha: expected a number between 0 and 1, found {alpha}")
    p_values = [_paired_p(values) for values in differences]
    results = []
    for values, p, adjusted in zip(differences, p_values, holm(p_values), strict=True):
        difference = over_seeds(values, 1 - alpha) if len(values) else None
        told = difference is not None and adjusted is not None and adjusted <= alpha
        sign = ("higher" if difference.mean > 0 else "lower") if told else None
        results.append(PairedTest(difference, p, adjusted, len(values), sign))
    return results


def p_value(distance: float, error: float, seeds: int) -> float:
    """Two-sided p of Student's t-test for a mean over `seeds` that lies at this `distance` from the tested value.

    error  standard error of the mean, above 0
    """
    from scipy.special import stdtr

    return float(2 * stdtr(seeds - 1, -abs(distance / error)))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's adjusted p-values, in the given order: reject where at most alpha, and the chance of even one wrong
    rejection among all is at most alpha, however the tests depend on each other (Holm 1979). None stays None and does
    not count."""
    p = np.asarray([value for value in p_values if value is not None], dtype=np.float64)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1.0)
    found = iter(adjusted.tolist())
    return [None if value is None else next(found) for value in p_values]


def _paired_p(differences: NDArray[np.float64]) -> float | None:
    values = np.sort(np.asarray(differences, dtype=np.float64))  # sorted: the order of seeds must not move a digit
    if len(values) < 2:
        return None
    mean, error = values.mean(), values.std(ddof=1) / np.sqrt(len(values))
    if error == 0:
        return 1.0 if mean == 0 else 0.0
    return p_value(mean, error, len(values))

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

    difference  their mean with the interval of `over_seeds`, not corrected; None where there is no difference at all
    p           at which that interval would just touch 0, None where it has no bounds; without the examples' share this
                is that of the paired t-test. adjusted: after Holm's correction
    seeds       number of differences
    sign        "higher" or "lower" than 0 where `adjusted` is at most alpha; else "same" where there is no material
                difference, or None: it cannot be told
    """

    difference: Interval | None
    p: float | None
    adjusted: float | None
    seeds: int
    sign: str | None


def paired_tests(
    differences: Sequence[NDArray[np.float64]],
    alpha: float = 0.05,
    errors: Sequence[NDArray[np.float64]] | None = None,
    material: float | None = None,
) -> list[PairedTest]:
    """Test each list of paired differences [seeds] against 0, at a chance of at most `alpha` of even one wrong sign.

    errors    of each difference, what the examples' counts tell (see `over_seeds`), in the same form; None: not known
    material  differences up to this are none: "same" where the whole interval lies within, at alpha divided by the
              number of tests (Bonferroni); None: nothing is the same
    Raises `SettingsError` for an alpha outside 0 ... 1.
    """
    if not 0 < alpha < 1:
        raise SettingsError(f"alpha: expected a number between 0 and 1, found {alpha}")
    known = [None] * len(differences) if errors is None else errors
    pairs = zip(differences, known, strict=True)
    found = [over_seeds(values, 1 - alpha, error, paired=True) if len(values) else None for values, error in pairs]
    p_values = [_p(one, len(values), 1 - alpha) for one, values in zip(found, differences, strict=True)]
    results = []
    for values, difference, p, adjusted in zip(differences, found, p_values, holm(p_values), strict=True):
        told = difference is not None and adjusted is not None and adjusted <= alpha
        sign = ("higher" if difference.mean > 0 else "lower") if told else None
        if sign is None and p is not None and material is not None:
            half = (difference.high - difference.low) / 2
            nearest = material - abs(difference.mean)
            if nearest >= 0 and p_value(nearest, half, len(values), 1 - alpha) * len(p_values) <= alpha:
                sign = "same"
        results.append(PairedTest(difference, p, adjusted, len(values), sign))
    return results


def p_value(distance: float, half: float, seeds: int, confidence: float = 0.95) -> float:
    """Two-sided p of Student's t-test for a mean over `seeds` that lies at this `distance` from the tested value.

    half  half the width of the mean's interval at this confidence, above 0
    """
    from scipy.special import stdtr, stdtrit

    error = half / stdtrit(seeds - 1, (1 + confidence) / 2)
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


def _p(found: Interval | None, seeds: int, confidence: float) -> float | None:
    if found is None or found.high is None:
        return None
    return p_value(found.mean, found.high - found.mean, seeds, confidence)

"""Differences over paired seeds: Student's t-test, with Holm's correction over all that are tested together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from mia_core.base.errors import SettingsError
from mia_core.measures.intervals import Interval, over_seeds

if TYPE_CHECKING:
    pass

import itertools
from collections.abc import Mapping

from numpy.typing import NDArray

from mia_core.base.errors import ArrayError


@dataclass(frozen=True)
class Comparison:
    """`first` against `second` on the same seeds.

    difference  mean of first - second with Student's interval, not corrected; p: of the paired t-test, None for a
                single seed; adjusted: p after Holm's correction over all comparisons made together
    verdict     "higher" or "lower" (first than second) where `adjusted` is at most alpha, else "cannot be told"
    """

    first: str
    second: str
    difference: Interval
    p: float | None
    adjusted: float | None
    verdict: Literal["higher", "lower", "cannot be told"]


def compare(values: Mapping[str, Sequence[float]], alpha: float = 0.05, against: str | None = None) -> list[Comparison]:
    """Paired comparisons over seeds, all pairs in order or every name `against` one of them.

    values  name of an attack or defense -> its measure for each seed, the seeds in the same order for all
    Raises `SettingsError` for an alpha outside 0 ... 1 or an unknown name, `ArrayError` for lists of different length.
    """
    if not 0 < alpha < 1:
        raise SettingsError(f"alpha: expected a number between 0 and 1, found {alpha}")
    if against is not None and against not in values:
        raise SettingsError(f"against: unknown {against!r}; known: {', '.join(values)}")
    lengths = {name: len(seeds) for name, seeds in values.items()}
    if len(set(lengths.values())) > 1:
        raise ArrayError(f"values over seeds: found {lengths}; expected the same seeds for all")
    chosen = itertools.combinations(values, 2) if against is None else ((n, against) for n in values if n != against)
    made = []
    for first, second in chosen:
        differences = np.asarray(values[first], dtype=np.float64) - np.asarray(values[second], dtype=np.float64)
        made.append((first, second, over_seeds(differences, 1 - alpha), paired_p(differences)))
    tested = [p for *_, p in made if p is not None]
    adjusted = iter(holm(tested))
    results = []
    for first, second, difference, p in made:
        corrected = None if p is None else next(adjusted)
        told = corrected is not None and corrected <= alpha
        verdict = "cannot be told" if not told else "higher" if difference.mean > 0 else "lower"
        results.append(Comparison(first, second, difference, p, corrected, verdict))
    return results


def paired_p(differences: Sequence[float] | NDArray[np.float64]) -> float | None:
    """Two-sided p of Student's paired t-test for `differences` over seeds; None for fewer than two, 1 if all are 0."""
    from scipy.special import stdtr

    values = np.sort(np.asarray(differences, dtype=np.float64))
    if len(values) < 2:
        return None
    mean, error = values.mean(), values.std(ddof=1) / np.sqrt(len(values))
    if error == 0:
        return 1.0 if mean == 0 else 0.0
    return float(2 * stdtr(len(values) - 1, -abs(mean / error)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the given order: reject where at most alpha, and the chance of even one wrong
    rejection among all is at most alpha, however the tests depend on each other (Holm 1979)."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted.tolist()


def corrected(differences: "list[np.ndarray]") -> list[tuple[float | None, float | None]]:
    """(p, p after Holm's correction over all) for each list of paired differences; None where p is not known."""
    p_values = [paired_p(values) for values in differences]
    adjusted = iter(holm([p for p in p_values if p is not None]))
    return [(p, None if p is None else next(adjusted)) for p in p_values]

"""Count, centre and spread of the references of each example, IN and OUT: all that most attacks need of them.

One pass over the models of each side, in blocks of examples, so that memory beyond the input is a few arrays [N]. What
is summed over examples is summed exactly (`math.fsum`): the order of the examples then changes no digit of a score.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mia_core.attacks.contract import Flags, Floats
from mia_core.base.errors import ArrayError
from mia_core.references.outputs import References

SPREAD_FLOOR = 1e-6
"""Smallest standard deviation: below it, the references agree up to the rounding of outputs saved as float32."""


@dataclass(frozen=True, eq=False)
class Side:
    """The references of each example that trained on it (name "IN"), or that did not ("OUT").

    count    int64 [N]
    mean     float64 [N], 0 where there is none
    squares  float64 [N], sum of squared deviations from the mean
    median   float64 [N] where it was asked for, else None
    """

    name: str
    count: NDArray[np.int64]
    mean: Floats
    squares: Floats
    median: Floats | None = None

    def filled(self, values: Floats, needed: int = 1) -> Floats:
        """`values` [N], where an example with fewer than `needed` references takes the average of all others.

        That is the fallback of every attack here for an example without IN or OUT references: the score stays finite,
        the row stays in its place, and the example counts as an average one on that side. Raises `ArrayError` where
        no example has enough references.
        """
        known = self.count >= needed
        if known.all():
            return values
        if not known.any():
            raise ArrayError(
                f"references: found no example with {needed} or more {self.name} references; "
                + ("use the offline form of the attack" if self.name == "IN" else "expected some for every attack")
            )
        return np.where(known, values, exact_mean(values[known]))

    def raw_variance(self, ddof: int = 0) -> float:
        """Variance of all values of this side together, differences between examples included.

        Raises `ArrayError` where there is no value.
        """
        total = int(self.count.sum())
        self.filled(self.mean)  # refuses a side without any reference
        centre = math.fsum(self.count * self.mean) / total
        return math.fsum(self.squares + self.count * (self.mean - centre) ** 2) / max(total - ddof, 1)


def summarise(references: References, query: int = 0, median: bool = False) -> tuple[Side, Side]:
    """The IN and the OUT side of one query."""
    examples = references.examples
    names = ("mean", "squares", "median") if median else ("mean", "squares")
    found = [{name: np.empty(examples) for name in names} for _ in range(2)]
    counts = references.counts()
    for columns in references.columns():
        values, inside = references.values(columns, query), references.inside(columns)
        for side, chosen, count in zip(found, (inside, ~inside), counts, strict=True):
            number = count[columns]
            mean = np.where(chosen, values, 0.0).sum(axis=0) / np.maximum(number, 1)
            deviations = np.where(chosen, values - mean, 0.0)
            side["mean"][columns] = mean
            side["squares"][columns] = np.multiply(deviations, deviations, out=deviations).sum(axis=0)
            if median:
                side["median"][columns] = _median(values, chosen, number)
    inside, outside = (
        Side(name, count, **side) for name, count, side in zip(("IN", "OUT"), counts, found, strict=True)
    )
    return inside, outside


def exact_mean(values: Floats) -> float:
    """Mean of `values` [N], rounded once, so in any order the same."""
    return math.fsum(values) / len(values)


def _median(values: Floats, chosen: Flags, count: NDArray[np.int64]) -> Floats:
    """Median over models of the `chosen` values [R, n]: float64 [n], 0 where none is chosen."""
    ordered = np.sort(np.where(chosen, values, np.inf).T, axis=1)
    rows = np.arange(len(ordered))
    low, high = ordered[rows, np.maximum(count - 1, 0) // 2], ordered[rows, np.minimum(count // 2, len(values) - 1)]
    return np.where(count > 0, (np.where(count > 0, low, 0) + np.where(count > 0, high, 0)) / 2, 0.0)

"""How far a measure could be off: over seeds, over examples, and for a single proportion.

Three sources of chance, three intervals: `over_seeds` (another training), `bootstrap` (other examples, same models),
`clopper_pearson` (a count out of a number of independent trials). `mia_core.measures.examples` puts the last two
together for one model.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mia_core.base.errors import ArrayError, SettingsError
from mia_core.measures.metrics import LEVELS, most_false_positives, rates
from mia_core.measures.ranking import Blocks

CHUNK = 2**20
"""Numbers drawn at a time by the bootstrap, which bounds its memory to some tens of megabytes."""
DISTINCT = 3
"""Values over seeds that must differ before their spread says anything by itself."""
SAME_VALUE = 1e-9
"""Values this close are the same one, computed in another order."""


@dataclass(frozen=True)
class Interval:
    """mean with low and high bounds; both None where they cannot be known (one seed)."""

    mean: float
    low: float | None
    high: float | None

    def cut(self, least: float = 0.0, most: float = 1.0) -> "Interval":
        """The same with bounds within the range `least` to `most` of the measure, which that of few seeds can leave."""
        if self.low is None or self.high is None:
            return self
        return Interval(self.mean, max(self.low, least), min(self.high, most))


def clopper_pearson(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Exact two-sided interval for the probability behind `successes` out of `trials` (Clopper and Pearson 1934).

    Covers with at least the stated confidence. Raises `SettingsError` unless 0 <= successes <= trials, trials >= 1.
    """
    from scipy.special import betaincinv

    _check_confidence(confidence)
    if not (0 <= successes <= trials and trials >= 1):
        raise SettingsError(f"successes: expected 0 to {trials} of at least 1 trial, found {successes}")
    tail = (1 - confidence) / 2
    low = 0.0 if successes == 0 else float(betaincinv(successes, trials - successes + 1, tail))
    high = 1.0 if successes == trials else float(betaincinv(successes + 1, trials - successes, 1 - tail))
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


def over_seeds(values: Any, confidence: float = 0.95, errors: Any = None, paired: bool = False) -> Interval:
    """Mean of one measure over independent seeds, with an interval that is no surer than the counts behind it.

    values  float [seeds]
    errors  float [seeds], the standard error that the examples alone give each value (`mia_core.measures.counts`); None
            or NaN where it is not known
    paired  the values are differences of two models that are judged on the same examples

    Half its width is Student's, from the spread over seeds, and at least what these errors give the mean. Student's
    needs three distinct values: fewer happen to agree where a measure can take few values. With fewer there are no
    bounds where the errors are not known, and none for a single seed. Of paired values chance among examples cancels
    in part, nobody knows how much: there the errors count only where fewer than three values are distinct.
    Raises `ArrayError` for no value or one that is not finite.
    """
    from scipy.special import ndtri, stdtrit

    _check_confidence(confidence)
    numbers = np.sort(np.asarray(values, dtype=np.float64))  # sorted: the order of seeds must not move the last digit
    if numbers.ndim != 1 or len(numbers) == 0 or not np.isfinite(numbers).all():
        raise ArrayError(f"values over seeds: found {list(values)}; expected at least one finite number")
    mean, seeds = float(numbers.mean()), len(numbers)
    known = np.sort(np.full(seeds, np.nan) if errors is None else np.asarray(errors, dtype=np.float64))
    floor = float(ndtri((1 + confidence) / 2) * np.sqrt((known**2).sum()) / seeds)
    few = 1 + int((np.diff(numbers) > SAME_VALUE).sum()) < DISTINCT
    if seeds == 1 or (few and np.isnan(floor)):
        return Interval(mean, None, None)
    half = float(stdtrit(seeds - 1, (1 + confidence) / 2) * numbers.std(ddof=1) / np.sqrt(seeds))
    if few or not (paired or np.isnan(floor)):
        half = max(half, floor)
    return Interval(mean, mean - half, mean + half)


def bootstrap(
    blocks: Blocks,
    threshold: float,
    levels: tuple[float, ...] = LEVELS,
    replicates: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, tuple[float, float] | None]:
    """Percentile intervals over examples for every column of `metrics.measure` (None where not measurable).

    blocks  of checked scores (`mia_core.measures.ranking.tie_blocks`), so that the rows' order changes nothing

    Members and non-members are drawn again with replacement, each side by itself. Models and threshold stay fixed: the
    spread over seeds is not in it. At level 0 the bootstrap is known to be too narrow (a maximum is what it resamples
    worst). Raises `SettingsError` for fewer than 2 replicates or no confidence.
    """
    _check_confidence(confidence)
    if replicates < 2:
        raise SettingsError(f"replicates: expected at least 2, found {replicates}")
    random = np.random.default_rng(seed)
    parts = list(_replicates(blocks, blocks.cut(threshold), levels, replicates, random))
    tail = (1 - confidence) / 2
    return {name: _percentiles([part[name] for part in parts], tail) for name in parts[0]}


def _replicates(
    blocks: Blocks, cut: int, levels: tuple[float, ...], replicates: int, random: np.random.Generator
) -> Iterator[dict[str, Any]]:
    """The columns of `metrics.measure` for examples drawn again, some replicates at a time: float64 [R] or None each.

    Drawn are ranks, 0 for the highest score of a side. Two tables suffice for every measure: the members' ranks that
    were drawn, and how many of the drawn non-members are among the first r of their side.
    """
    members, non_members = (np.concatenate([[0], np.cumsum(side)]) for side in (blocks.members, blocks.non_members))
    inside, outside = int(members[-1]), int(non_members[-1])
    # Non-members above each member's block of ties, and within or above it.
    above, within = (np.repeat(ranks, blocks.members) for ranks in (non_members[:-1], non_members[1:]))
    allowed = {level: most_false_positives(outside, level) for level in levels}
    step = max(1, CHUNK // (inside + outside))
    for start in range(0, replicates, step):
        row = np.arange(min(step, replicates - start))[:, None]
        drawn = random.integers(0, inside, (len(row), inside))
        others = random.integers(0, outside, (len(row), outside)) + (outside + 1) * row + 1
        counts = np.bincount(others.ravel(), minlength=len(row) * (outside + 1)).reshape(len(row), -1)
        false = counts.cumsum(axis=1)
        won = 2 * outside - false.take(above, axis=1) - false.take(within, axis=1)  # a tie is won by half
        reached: dict[float, Any] = dict.fromkeys(levels)
        for level, most in allowed.items():
            if most is not None:
                ranks = (false[:, 1:] <= most).sum(axis=1, keepdims=True)  # that stay within the level
                whole = np.searchsorted(non_members, ranks, side="right") - 1  # blocks
                reached[level] = (drawn < members[whole]).sum(axis=1)
        true = (drawn < members[cut]).sum(axis=1)
        won_by_drawn = won.ravel().take(drawn + inside * row).sum(axis=1)
        yield rates(inside, outside, true, false[:, non_members[cut]], won_by_drawn, reached)


def _percentiles(parts: list[Any], tail: float) -> tuple[float, float] | None:
    if parts[0] is None:
        return None
    low, high = np.quantile(np.concatenate(parts), [tail, 1 - tail])
    return float(low), float(high)


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise SettingsError(f"confidence: expected a number between 0 and 1, found {confidence}")

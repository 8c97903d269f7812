"""How far a measure could be off: over seeds, over examples, and for a single proportion.

Three sources of chance, three intervals: `over_seeds` (another training), `bootstrap` (other examples, same models),
`clopper_pearson` (a count out of a number of independent trials). `mia_core.measures.examples` puts the last two
together for one model.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mia_core.base.errors import ArrayError, SettingsError
from mia_core.gate.arrays import check_scores
from mia_core.measures.metrics import LEVELS, from_counts
from mia_core.measures.ranking import tie_blocks

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
    scores: Any,
    members: Any,
    threshold: float,
    levels: tuple[float, ...] = LEVELS,
    replicates: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, tuple[float, float] | None]:
    """Percentile intervals over examples for every column of `metrics.measure` (None where not measurable).

    Members and non-members are drawn again with replacement, each side by itself, and counted into blocks of tied
    scores, so the rows' order changes nothing. Models and threshold stay fixed: the spread over seeds is not in it.
    At level 0 the bootstrap is known to be too narrow (a maximum is what it resamples worst).
    """
    _check_confidence(confidence)
    if replicates < 2:
        raise SettingsError(f"replicates: expected at least 2, found {replicates}")
    blocks = tie_blocks(*check_scores(scores, members))
    cut = blocks.cut(threshold)
    random = np.random.default_rng(seed)
    step = max(1, CHUNK // int(blocks.members.sum() + blocks.non_members.sum()))
    parts: list[dict[str, Any]] = []
    for start in range(0, replicates, step):
        count = min(step, replicates - start)
        inside, outside = (_resample(side, count, random) for side in (blocks.members, blocks.non_members))
        parts.append(from_counts(inside, outside, cut, levels))
    tail = (1 - confidence) / 2
    return {name: _percentiles([part[name] for part in parts], tail) for name in parts[0]}


def _resample(counts: NDArray[np.int64], replicates: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Counts [replicates, B] of as many draws with replacement from `counts` [B]: exactly multinomial."""
    total = int(counts.sum())
    block_of_rank = np.repeat(np.arange(len(counts)), counts)
    drawn = block_of_rank[random.integers(0, total, size=(replicates, total))]
    drawn += len(counts) * np.arange(replicates)[:, None]
    return np.bincount(drawn.ravel(), minlength=replicates * len(counts)).reshape(replicates, -1)


def _percentiles(parts: list[Any], tail: float) -> tuple[float, float] | None:
    if parts[0] is None:
        return None
    low, high = np.quantile(np.concatenate(parts), [tail, 1 - tail])
    return float(low), float(high)


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise SettingsError(f"confidence: expected a number between 0 and 1, found {confidence}")

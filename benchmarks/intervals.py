"""How often intervals over seeds hold the truth, and how often chance is called an effect, by simulation.

`python benchmarks/intervals.py [DRAWS]` prints one line per case and number of seeds: the share of draws
whose interval holds the true value (at least 0.94 is asked for), the shares that lie wholly above and below it (a true
null that "holds": at most 0.035), the share without any width (none), and the mean width against Student's alone.
Every seed is another sample: members' scores are normal and `shift` above those of non-members, or an attack on the
predicted class is right with the given shares.
"""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mia_core.measures.counts import errors
from mia_core.measures.intervals import Interval, over_seeds
from mia_core.measures.metrics import auc, tpr_at_fpr

SEEDS = (2, 3, 5)
LOW = "tpr_at_fpr_0.01"
GAP = ((1.0, 0.4), (0.95, 0.1), (0.5, 0.5), (1.0, 0.02))
"""Shares of members and of non-members that the gap attack calls members or not, rightly."""
SHIFTS = (0.0, 0.5, 1.0, 2.0)
Sample = Callable[[np.random.Generator, int], NDArray[np.float64]]
Cases = dict[str, tuple[str, int, Sample]]
"""Name -> measure, examples on either side, and what draws values of it."""


def gap_accuracy(members: float, non_members: float, examples: int = 120) -> Sample:
    """Accuracies of the gap attack on as many members as non-members."""
    return lambda random, draws: (
        (random.binomial(examples, members, draws) + random.binomial(examples, non_members, draws)) / (2 * examples)
    )


def of_scores(measure: str, shift: float, examples: int) -> Sample:
    """AUCs or TPRs at 1% FPR of as many members as non-members."""

    def one(random: np.random.Generator) -> float:
        scores = random.normal(size=2 * examples)
        members = np.arange(2 * examples) < examples
        scores[members] += shift
        return auc(scores, members) if measure == "auc" else tpr_at_fpr(scores, members, 0.01).tpr

    return lambda random, draws: np.array([one(random) for _ in range(draws)])


def cases(few: int = 120, many: int = 1000) -> Cases:
    """Measures of few values, and the usual ones of more examples."""
    found = {f"gap {one:g}/{two:g}": ("attack_accuracy", few, gap_accuracy(one, two)) for one, two in GAP}
    for shift in SHIFTS:
        found[f"TPR of {few}, shift {shift:g}"] = LOW, few, of_scores(LOW, shift, few)
    for shift in SHIFTS[1:3]:
        found[f"TPR of {many}, shift {shift:g}"] = LOW, many, of_scores(LOW, shift, many)
        found[f"AUC of {many}, shift {shift:g}"] = "auc", many, of_scores("auc", shift, many)
    return found


def coverage(found: Cases, draws: int, pool: int = 20_000) -> Iterator[dict[str, Any]]:
    """One dict per case, kind (one model, or the difference of two alike, which is a true null) and number of seeds.

    pool  values drawn once for each case: the seeds of a draw are chosen from them, and their mean is the truth
    """
    for place, (name, (measure, examples, sample)) in enumerate(found.items()):
        random = np.random.default_rng(place)
        values = sample(random, pool)
        known = errors(pd.DataFrame({measure: values, "members": examples, "non_members": examples}), measure)
        for count in SEEDS:
            first, second = random.integers(pool, size=(2, draws, count))
            paired = np.hypot(known[first], known[second])
            yield {"case": name, "seeds": count} | _shares(values[first], known[first], float(values.mean()))
            alike = _shares(values[first] - values[second], paired, 0.0, paired=True)
            yield {"case": f"{name}, difference", "seeds": count} | alike


def _shares(
    values: NDArray[np.float64], known: NDArray[np.float64], truth: float, paired: bool = False
) -> dict[str, Any]:
    found = [over_seeds(row, errors=error, paired=paired) for row, error in zip(values, known, strict=True)]
    plain = [_student(row) for row in values]
    width, alone = (np.mean([one.high - one.low for one in each]) for each in (found, plain))
    return {
        "covers": np.mean([one.low - 1e-9 <= truth <= one.high + 1e-9 for one in found]),
        "above": np.mean([one.low > truth + 1e-9 for one in found]),
        "below": np.mean([one.high < truth - 1e-9 for one in found]),
        "no width": np.mean([one.high == one.low for one in found]),
        "width": width / alone,
        "Student covers": np.mean([one.low - 1e-9 <= truth <= one.high + 1e-9 for one in plain]),
    }


def _student(values: NDArray[np.float64]) -> Interval:
    from scipy.special import stdtrit

    half = stdtrit(len(values) - 1, 0.975) * values.std(ddof=1) / np.sqrt(len(values))
    return Interval(float(values.mean()), float(values.mean() - half), float(values.mean() + half))


if __name__ == "__main__":
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    print(pd.DataFrame(coverage(cases(), draws)).to_string(index=False, float_format="%.4f"))

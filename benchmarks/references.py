"""RMIA's rank, LiRA and t-LiRA against direct implementations written from the formulas, with equal scores asserted.

    OMP_NUM_THREADS=1 PYTHONPATH=book python benchmarks/references.py [--examples 50000] [--models 256] [--repeats 5]

RMIA: 20,000 examples against a population of 10,000; the direct form makes the whole table of quotients, 1.6 GB.
LiRA and t-LiRA: complementary pairs; the direct form goes example by example. Both forms run in turn in one process.
Memory is the peak of what Python allocates beyond the input.
"""

import argparse
import math
import os
import statistics
import time
import tracemalloc

import numpy as np
from measured import save
from scipy import optimize, special, stats

from mia_core.references import References
from mia_core.references.lira import lira
from mia_core.references.rmia import rank
from mia_core.references.tlira import tlira

EXAMPLES, POPULATION = 20_000, 10_000


def direct_rank(ratios, population, gamma):
    return (ratios[:, None] / population[None, :] > gamma).mean(axis=1)


def moments(references):
    """Mean, variance (n - 1) and number of IN (row 0) and OUT (row 1) references, example by example: [2, N] each."""
    values, inside = references.statistics[references.rows], references.members[references.rows]
    found = np.empty((3, 2, references.examples))
    for j in range(references.examples):
        for side in range(2):
            chosen = values[inside[:, j] == (side == 0), j].astype(float)
            found[:, side, j] = chosen.mean(), chosen.var(ddof=1), len(chosen)
    return found


def direct_lira(references):
    mean, variance, number = moments(references)
    fixed = np.sqrt((variance * (number - 1)).sum(axis=1) / (number - 1).sum(axis=1))
    logs = stats.norm.logpdf(references.of_target(), mean, fixed[:, None])
    return logs[0] - logs[1]


def direct_tlira(references):
    mean, variance, number = moments(references)
    logs = []
    for m, s2, n in zip(mean, variance, number, strict=True):
        d = n - 1
        e = np.log(s2) - special.digamma(d / 2) + np.log(d / 2)
        v = e.var(ddof=1) - special.polygamma(1, d / 2).mean()
        if v > 0:
            half = optimize.brentq(lambda x, v=v: special.polygamma(1, x) - v, 1e-6, 1e9, xtol=1e-12)
            s02 = math.exp(e.mean() + special.digamma(half) - math.log(half))
            scale = np.sqrt((2 * half * s02 + d * s2) / (2 * half + d) * (1 + 1 / n))
            logs.append(stats.t.logpdf(references.of_target(), 2 * half + d, m, scale))
        else:
            scale = np.sqrt(math.exp(e.mean()) * (1 + 1 / n))
            logs.append(stats.norm.logpdf(references.of_target(), m, scale))
    return logs[0] - logs[1]


def compare(direct, ours, repeats, tolerance):
    """Seconds of both in turn, their ratio and the memory of ours; fails unless the scores are equal."""
    rows = []
    for _ in range(repeats):
        start = time.perf_counter()
        expected = direct()
        middle = time.perf_counter()
        scores = ours()
        rows.append((middle - start, time.perf_counter() - middle))
        np.testing.assert_allclose(scores, expected, rtol=tolerance, atol=tolerance)
    tracemalloc.start()
    ours()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    ratios = [slow / fast for slow, fast in rows]
    return {
        "direct_seconds": [round(slow, 4) for slow, _ in rows],
        "mia_core_seconds": [round(fast, 4) for _, fast in rows],
        "times_faster": {"least": round(min(ratios)), "median": round(statistics.median(ratios))},
        "mia_core_megabytes": round(peak / 1e6, 2),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=50_000)
    parser.add_argument("--models", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    load = os.getloadavg()
    random = np.random.default_rng(0)
    ratios, population = random.lognormal(size=EXAMPLES), random.lognormal(size=POPULATION)
    results = {
        f"rmia_rank_gamma_{gamma:g}": compare(
            lambda gamma=gamma: direct_rank(ratios, population, gamma),
            lambda gamma=gamma: rank(ratios, population, gamma),
            given.repeats,
            0,
        )
        for gamma in (1.0, 2.0)
    }
    statistic = random.standard_normal((given.models, given.examples), dtype=np.float32)
    members = np.repeat(random.random((given.models // 2, given.examples)) < 0.5, 2, axis=0)
    members[1::2] ^= True
    references = References(statistic, members, 0, 1)
    for name, direct, ours in (("lira", direct_lira, lira), ("tlira", direct_tlira, tlira)):
        results[name] = compare(lambda f=direct: f(references), lambda f=ours: f(references), 1, 1e-6)
    sizes = {"examples": given.examples, "models": given.models, "input_megabytes": round(statistic.nbytes / 1e6, 1)}
    print(save("references", sizes | results, load).read_text(), end="")


if __name__ == "__main__":
    main()

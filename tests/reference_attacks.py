"""Every attack with reference models by name, on the statistics of imaginary models."""

import numpy as np

from mia_core.data.splits import Split, pairs
from mia_core.references import REFERENCE_ATTACKS
from mia_core.references.answers import Answers, View
from mia_core.references.lira import LiraSettings, lira
from mia_core.references.record import reading

HELD_OUT = 50
"""Examples at the end that no model trains on: the population."""
ATTACKS = {name: record.attack for name, record in REFERENCE_ATTACKS.items()} | {
    name: reading("logit", lira, LiraSettings(**values))
    for name, values in {
        "lira, own variance, median, n": {"variance": "example", "centre": "median", "divisor": "n"},
        "lira, raw, median": {"pooled": "raw", "centre": "median"},
        "lira, density": {"form": "offline_density"},
    }.items()
}
"""Those of the registry, and LiRA with settings that published code has."""
ON_SHADOW = [name for name, record in REFERENCE_ATTACKS.items() if "shadow" in record.needs]
COMPARE = [name for name in ATTACKS if name not in (*ON_SHADOW, "gap", "loss", "attack-p")]
"""Those that compare the target with references, each in the same way."""


def noise(split: Split, seed: int, signal: float = 0.0) -> np.ndarray:
    """A statistic [M, N] of models: an example's difficulty, chance, and `signal` more where trained on."""
    random = np.random.default_rng([seed, 1])
    models, examples = split.members.shape
    return random.normal(size=examples) + random.normal(size=(models, examples)) + signal * split.members


def small(models: int = 8, pool: int = 60, signal: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(statistics, members) of complementary pairs, with held-out examples."""
    split = pairs(pool, models, seed, pool + HELD_OUT)
    return noise(split, seed, signal), split.members


def view(statistics: np.ndarray, members: np.ndarray, target: int, partner: int | None) -> View:
    """A target whose models, and those of all others, have `statistics` [M, N] or [M, N, Q] as their logit statistic;
    the population are the held-out examples."""
    queries = statistics[..., None] if statistics.ndim == 2 else statistics
    values = np.moveaxis(np.stack([queries, np.zeros_like(queries)], axis=-1), 2, 1)  # two classes, label 0
    count = members.shape[1]
    answers = Answers(values, np.zeros(count, np.int64), members, count - HELD_OUT)
    return View(answers, tuple(range(len(members))), target, partner)


def scores_of(name: str, statistics: np.ndarray, members: np.ndarray, target: int, partner: int | None) -> np.ndarray:
    """The attack's scores on the pool."""
    return ATTACKS[name](view(statistics, members, target, partner))

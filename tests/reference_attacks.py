"""Every attack on reference models under one roof, and statistics of imaginary models to try them on."""

import numpy as np
from mia_core.references.attack_p import attack_p
from scipy.special import expit

from mia_core.data.splits import Split, pairs
from mia_core.references import References
from mia_core.references.attack_r import attack_r
from mia_core.references.calibrated_loss import difficulty_calibrated
from mia_core.references.label_only import label_only
from mia_core.references.lira import LiraSettings, lira
from mia_core.references.rmia import BaseSettings, RmiaSettings, base, log_ratio, rmia
from mia_core.references.tlira import TLiraSettings, tlira

HELD_OUT = 50
"""Examples at the end that no model trains on: the population of RMIA and of Attack-P."""


def _lira(**settings):
    return lambda references, population: lira(references, LiraSettings(**settings))


def _probabilities(references):
    return References(expit(references.statistics), references.members, references.target, references.partner)


def _label_only(references, population):
    right = (references.statistics > 0).astype(float)
    return label_only(References(right, references.members, references.target, references.partner))


ATTACKS = {
    "lira": _lira(),
    "lira, own variance": _lira(variance="example"),
    "lira, own variance, median, n": _lira(variance="example", centre="median", divisor="n"),
    "lira, raw, median": _lira(pooled="raw", centre="median"),
    "lira, tail": _lira(form="offline_tail"),
    "lira, tail, own variance": _lira(form="offline_tail", variance="example"),
    "lira, density": _lira(form="offline_density"),
    "t-lira": lambda r, p: tlira(r),
    "t-lira, offline": lambda r, p: tlira(r, TLiraSettings(form="offline")),
    "base": lambda r, p: base(_probabilities(r)),
    "base, offline": lambda r, p: base(_probabilities(r), BaseSettings(form="offline", c=0.33)),
    "log ratio, offline": lambda r, p: log_ratio(_probabilities(r), RmiaSettings(form="offline")),
    "rmia": lambda r, p: rmia(_probabilities(r), _probabilities(p)),
    "rmia, offline": lambda r, p: rmia(_probabilities(r), _probabilities(p), RmiaSettings(form="offline")),
    "attack p": lambda r, p: attack_p(r.of_target(), p.of_target()),
    "attack r": lambda r, p: attack_r(r),
    "calibrated": lambda r, p: difficulty_calibrated(r),
    "label only": _label_only,
}
OFFLINE = [name for name in ATTACKS if any(w in name for w in ("offline", "tail", "density", "attack", "calibrated"))]
"""Those that need no IN references."""


def pool_of(split: Split) -> int:
    """Number of examples that models may train on, all but the held-out ones."""
    return split.members.shape[1] - HELD_OUT


def noise(split: Split, seed: int, signal: float = 0.0) -> np.ndarray:
    """A statistic [M, N] of models: an example's difficulty, chance, and `signal` more where trained on."""
    random = np.random.default_rng([seed, 1])
    models, examples = split.members.shape
    return random.normal(size=examples) + random.normal(size=(models, examples)) + signal * split.members


def small(models: int = 8, pool: int = 60, signal: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(statistics, members) of complementary pairs, with held-out examples."""
    split = pairs(pool, models, seed, pool + HELD_OUT)
    return noise(split, seed, signal), split.members


def scores_of(name: str, statistics: np.ndarray, members: np.ndarray, target: int, partner: int | None) -> np.ndarray:
    """The attack's scores on the pool; the population are the held-out examples."""
    references, population = (
        References(statistics[:, rows], members[:, rows], target, partner)
        for rows in (slice(None, -HELD_OUT), slice(-HELD_OUT, None))
    )
    return ATTACKS[name](references, population)

"""Two other ways to choose what reference models train on, for comparison with complementary pairs.

`mia_core.splits.pairs` is what studies use: as few models as possible, equally many IN and OUT references.
"""

import numpy as np

from mia_core.errors import DataError, SettingsError
from mia_core.splits import Split


def random_halves(pool: int, models: int, seed: int, examples: int | None = None) -> Split:
    """Every model tosses a fair coin for every example, all coins independent.

    The other models' rows say nothing about the target's: no bias, and no partner to leave out. In exchange the
    numbers of IN and OUT references vary by example, and with few models some examples have none.

    pool, models, seed, examples as for `mia_core.splits.pairs`; any number of models from 1. Raises `SettingsError`
    and `DataError`.
    """
    generator = _checked(pool, models, seed, "random_halves")
    return _split(generator.random((models, pool)) < 0.5, pool if examples is None else examples)


def exactly_half(pool: int, models: int, seed: int, examples: int | None = None) -> Split:
    """Every example is in exactly half of the models, drawn for each example by itself: BIASED, kept to show it.

    Many published tools do this and then leave the target out. An example of the target then has one IN reference
    fewer than a non-member has, so the references alone give the answer away, and the fewer the models the more. With
    no signal at all, the AUC of published LiRA (median, a variance per example) is 0.43 with 8 models and 0.48 with 16
    instead of 0.50, with one variance for all 0.46 and 0.48. Forms that read OUT references only keep an AUC of 0.50,
    and lose where false positives are few: TPR 0.003 at 1% FPR with 4 models. No row can be left out to cure it.

    pool, models, seed, examples as for `mia_core.splits.pairs`. Raises `SettingsError` for an odd number of models
    and `DataError` for an empty pool.
    """
    generator = _checked(pool, models, seed, "exactly_half")
    if models % 2:
        raise SettingsError(f"models: expected an even number for exactly half of them an example, found {models}")
    members = np.zeros((models, pool), bool)
    members[: models // 2] = True
    return _split(generator.permuted(members, axis=0), pool if examples is None else examples)


def _checked(pool: int, models: int, seed: int, purpose: str) -> np.random.Generator:
    if models < 1:
        raise SettingsError(f"models: expected at least 1, found {models}")
    if pool < 1:
        raise DataError(f"{purpose}: expected a pool of at least 1 example, found {pool}")
    return np.random.default_rng(np.random.SeedSequence([seed, *purpose.encode()]))


def _split(drawn: np.ndarray, examples: int) -> Split:
    members = np.zeros((len(drawn), examples), bool)
    counted = np.zeros_like(members)
    members[:, : drawn.shape[1]] = drawn
    counted[:, : drawn.shape[1]] = True
    return Split(members, counted)

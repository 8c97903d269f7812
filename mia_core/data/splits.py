"""Which model trains on which examples, and on which examples each model is judged."""

from dataclasses import dataclass

import numpy as np

from mia_core.base.errors import DataError, SettingsError

REPORT_POOL, REPORT_PART = 50_000, 10_520  # CIFAR-10's training images, and how many of them ML-Leaks puts into a part


@dataclass(frozen=True)
class Split:
    """One row per model, one column per example of the whole data set, held-out examples included.

    members  bool [M, N]: the model trains on the example
    counted  bool [M, N]: the model is judged on the example, being one of its members or one of its non-members
    """

    members: np.ndarray
    counted: np.ndarray


def default_part(pool: int) -> int:
    """Size of each of the four parts where none is asked for: as many as fit, and 10,520 from CIFAR's 50,000."""
    return REPORT_PART if pool == REPORT_POOL else pool // 4


def four_way(pool: int, part: int | None, seed: int, examples: int | None = None) -> Split:
    """Four disjoint random parts of equal size (ML-Leaks, Salem et al., NDSS 2019).

    Row 0 of the split is the target, row 1 the shadow. The parts are, in the order drawn: target members, shadow
    members, target non-members, shadow non-members.

    pool      number of examples that can be drawn, the first ones of the data set
    part      examples in each part; None: `default_part`
    seed      at least 0; the same seed gives the same split
    examples  number of all examples N, held-out ones included; None: `pool`
    Raises `DataError` when the parts do not fit into the pool.
    """
    size = default_part(pool) if part is None else part
    if size < 1 or 4 * size > pool:
        raise DataError(
            f"part: four parts of {max(size, 1):,} need {4 * max(size, 1):,} examples, found {pool:,}"
            + (f"; at most {pool // 4:,} a part" if pool >= 4 else "")
        )
    order = _generator(seed, "four_way").permutation(pool)
    parts = order[: 4 * size].reshape(2, 2, size)  # [member or not, target or shadow, example]
    members = np.zeros((2, examples or pool), bool)
    counted = np.zeros_like(members)
    for model in range(2):
        members[model, parts[0, model]] = True
        counted[model, parts[:, model].ravel()] = True
    return Split(members, counted)


def pairs(pool: int, models: int, seed: int, examples: int | None = None) -> Split:
    """Complementary pairs: model 2i trains on a random half of the pool, model 2i + 1 on exactly the other half.

    When a target is scored against the other models, its partner must be left out too: then every example is a member
    of as many references as it is not, and that count says nothing about the target. With only the target left out,
    the count gives its membership away and biases every reference attack, on pure noise as well.

    pool      number of examples that can be drawn, the first ones of the data set; of an odd pool the odd model of each
              pair has one example more
    models    M, even, at least 2
    seed      at least 0; the same seed gives the same pairs, and more models leave the first ones as they are
    examples  number of all examples N, held-out ones included; None: `pool`
    Every model is counted on the whole pool. Raises `SettingsError` for an odd number of models and `DataError` for a
    pool of fewer than 2 examples.
    """
    if models < 2 or models % 2:
        raise SettingsError(f"models: expected an even number of at least 2 for complementary pairs, found {models}")
    if pool < 2:
        raise DataError(f"complementary pairs need at least 2 examples, found {pool}")
    members = np.zeros((models, pool), bool)
    generator = _generator(seed, "pairs")
    for even in range(0, models, 2):
        order = generator.permutation(pool)
        members[even, order[: pool // 2]] = True
        members[even + 1, order[pool // 2 :]] = True
    return _counted_on_the_pool(members, examples)


def random_halves(pool: int, models: int, seed: int, examples: int | None = None) -> Split:
    """Every model tosses a fair coin for every example, all coins independent.

    The other models' rows say nothing about the target's: no bias, and no partner to leave out. In exchange the
    numbers of IN and OUT references vary by example, and with few models some examples have none.

    pool, models, seed, examples as for `mia_core.data.splits.pairs`; any number of models from 1. Raises
    `SettingsError` and `DataError`.
    """
    generator = _checked(pool, models, seed, "random_halves")
    return _counted_on_the_pool(generator.random((models, pool)) < 0.5, examples)


def exactly_half(pool: int, models: int, seed: int, examples: int | None = None) -> Split:
    """Every example is in exactly half of the models, drawn for each example by itself: BIASED, kept to show it.

    Many published tools do this and then leave the target out. An example of the target then has one IN reference
    fewer than a non-member has, so the references alone give the answer away, and the fewer the models the more. With
    no signal at all, the AUC of published LiRA (median, a variance per example) is 0.43 with 8 models and 0.48 with 16
    instead of 0.50, with one variance for all 0.46 and 0.48. Forms that read OUT references only keep an AUC of 0.50,
    and lose where false positives are few: TPR 0.003 at 1% FPR with 4 models. No row can be left out to cure it.

    pool, models, seed, examples as for `mia_core.data.splits.pairs`. Raises `SettingsError` for an odd number of models
    and `DataError` for an empty pool.
    """
    generator = _checked(pool, models, seed, "exactly_half")
    if models % 2:
        raise SettingsError(f"models: expected an even number, half of which train on each example, found {models}")
    members = np.zeros((models, pool), bool)
    members[: models // 2] = True
    return _counted_on_the_pool(generator.permuted(members, axis=0), examples)


def _checked(pool: int, models: int, seed: int, purpose: str) -> np.random.Generator:
    if models < 1:
        raise SettingsError(f"models: expected at least 1, found {models}")
    if pool < 1:
        raise DataError(f"{purpose}: expected a pool of at least 1 example, found {pool}")
    return _generator(seed, purpose)


def _generator(seed: int, purpose: str) -> np.random.Generator:
    # The purpose keeps this stream apart from every other use of the same seed.
    return np.random.default_rng(np.random.SeedSequence([seed, *purpose.encode()]))


def _counted_on_the_pool(members: np.ndarray, examples: int | None) -> Split:
    """The split of `members` [M, pool] among `examples` in all, every model counted on the whole pool."""
    held_out = ((0, 0), (0, (examples or members.shape[1]) - members.shape[1]))
    return Split(np.pad(members, held_out), np.pad(np.ones_like(members), held_out))

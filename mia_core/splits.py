"""Which model trains on which examples, and on which examples each model is judged."""

from dataclasses import dataclass

import numpy as np

from mia_core.errors import DataError, SettingsError

REPORT_POOL, REPORT_PART = 50_000, 10_520  # CIFAR-10's training images, and how many of them ML-Leaks puts into a part


@dataclass(frozen=True)
class Split:
    """A row a model, a column an example of the whole data set, held-out examples included.

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
    members = np.zeros((models, examples or pool), bool)
    counted = np.zeros_like(members)
    counted[:, :pool] = True
    generator = _generator(seed, "pairs")
    for even in range(0, models, 2):
        order = generator.permutation(pool)
        members[even, order[: pool // 2]] = True
        members[even + 1, order[pool // 2 :]] = True
    return Split(members, counted)


def _generator(seed: int, purpose: str) -> np.random.Generator:
    # The purpose keeps this stream apart from every other use of the same seed.
    return np.random.default_rng(np.random.SeedSequence([seed, *purpose.encode()]))

"""Canaries: examples of the pool with a wrong label, on which a model's worst case shows.

A model cannot guess a wrong label from what it has learned elsewhere, so it must keep the example itself. Canaries
measure the privacy of the people who need it most, where an average over ordinary examples says little (Aerni, Zhang,
Tramèr 2024, "Evaluations of Machine Learning Privacy Defenses are Misleading").
"""

import dataclasses
import warnings

import numpy as np
from numpy.typing import NDArray

from mia_core.base.errors import DataError, MiaWarning
from mia_core.data.dataset import Dataset

ADVISED, MOST = 0.01, 0.1  # shares of the pool: what leaves the other examples as they were, and what is refused


def choose_canaries(pool: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
    """`count` rows drawn from the `pool` (row numbers [P]), ascending; the same seed draws the same, more add to them.

    Raises `DataError` for more than a tenth of the pool, and warns above a hundredth: the models then learn so much
    that is wrong that the other examples are no longer an average case.
    """
    if count > MOST * len(pool):
        raise DataError(
            f"canaries: expected at most {int(MOST * len(pool)):,} ({MOST:.0%} of the pool of {len(pool):,} examples), "
            f"found {count:,}"
        )
    if count > ADVISED * len(pool):
        warnings.warn(
            f"canaries: {count:,} are {count / len(pool):.1%} of the pool of {len(pool):,} examples; above "
            f"{ADVISED:.0%} they change what the models learn about the other examples",
            MiaWarning,
            stacklevel=2,
        )
    return np.sort(_generator(seed, "canaries").permutation(pool)[:count])


def mislabel(dataset: Dataset, rows: NDArray[np.int64], seed: int) -> Dataset:
    """The data set with a wrong label, each other class equally likely, in `rows` [C]; inputs shared, not copied.

    Its fingerprint is another one, so no run on other labels is taken for one on these. Which wrong label a row gets
    does not depend on what other rows there are. With no rows it is the data set itself.
    """
    if len(rows) == 0:
        return dataset
    classes = len(dataset.classes)
    shifts = _generator(seed, "wrong labels").integers(1, classes, len(dataset.labels))
    labels = dataset.labels.copy()
    labels[rows] = (labels[rows] + shifts[rows]) % classes
    return dataclasses.replace(dataset, labels=labels)


def _generator(seed: int, purpose: str) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence([seed, *purpose.encode()]))

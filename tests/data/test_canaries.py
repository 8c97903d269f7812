"""Canaries: who they are, what label they get, and what that leaves alone."""

import warnings

import numpy as np
import pytest

from mia_core.base.errors import DataError, MiaWarning
from mia_core.data.canaries import choose_canaries, mislabel
from small import tiny_dataset

POOL = np.arange(0, 2000, 2)
DATA = tiny_dataset(90, classes=5)


def test_canaries_come_from_the_pool_once_each_and_from_the_seed():
    chosen = choose_canaries(POOL, 10, seed=3)
    assert len(set(chosen.tolist())) == 10 and np.isin(chosen, POOL).all() and (np.diff(chosen) > 0).all()
    assert np.array_equal(chosen, choose_canaries(POOL, 10, seed=3))
    assert not np.array_equal(chosen, choose_canaries(POOL, 10, seed=4))
    assert np.isin(choose_canaries(POOL, 5, seed=3), chosen).all()
    assert len(choose_canaries(POOL, 0, seed=3)) == 0


def test_about_a_hundredth_of_the_pool_is_advised_and_a_tenth_is_the_limit():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        choose_canaries(POOL, 10, seed=0)
    with pytest.warns(MiaWarning, match=r"canaries: 11 are 1.1% of the pool of 1,000 examples; above 1% they change"):
        choose_canaries(POOL, 11, seed=0)
    with pytest.raises(DataError, match=r"canaries: expected at most 100 \(10% of the pool of 1,000 .*found 101$"):
        choose_canaries(POOL, 101, seed=0)


def test_a_canary_gets_another_class_and_nobody_else_does():
    rows = np.array([3, 50, 89])
    changed = mislabel(DATA, rows, seed=1)
    differ = np.flatnonzero(changed.labels != DATA.labels)
    assert np.array_equal(differ, rows)
    assert changed.labels.dtype == np.int64 and changed.labels.min() >= 0 and changed.labels.max() < 5
    assert changed.fingerprint != DATA.fingerprint and changed.images is DATA.images and changed.name == DATA.name
    assert np.array_equal(changed.labels, mislabel(DATA, rows, seed=1).labels)
    assert mislabel(DATA, rows[:0], seed=0) is DATA


def test_every_wrong_class_is_as_likely_as_another():
    data = tiny_dataset(5000, classes=5, side=1)
    shifts = (mislabel(data, np.arange(5000), seed=0).labels - data.labels) % 5
    assert np.allclose(np.bincount(shifts, minlength=5) / 5000, [0, 0.25, 0.25, 0.25, 0.25], atol=0.03)


def test_the_wrong_label_of_a_row_does_not_depend_on_the_other_rows():
    few, many = mislabel(DATA, np.array([7]), seed=2), mislabel(DATA, np.arange(20), seed=2)
    assert few.labels[7] == many.labels[7]

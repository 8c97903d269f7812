"""Splits: who trains on what, as properties that hold for every size and seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mia_core.base.errors import DataError, SettingsError
from mia_core.data.splits import default_part, exactly_half, four_way, pairs, random_halves

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=60, deadline=None)
@given(part=st.integers(1, 60), spare=st.integers(0, 30), held_out=st.integers(0, 20), seed=SEEDS)
def test_four_parts_are_disjoint_and_equal(part, spare, held_out, seed):
    pool = 4 * part + spare
    split = four_way(pool, part, seed, pool + held_out)
    assert split.members.shape == split.counted.shape == (2, pool + held_out)
    assert split.members.dtype == split.counted.dtype == bool
    non_members = split.counted & ~split.members
    parts = np.concatenate([split.members, non_members])
    assert (parts.sum(1) == part).all()
    assert parts.sum(0).max() == 1  # no example is in two parts
    assert (split.counted | ~split.members).all()  # members are counted
    assert not split.counted[:, pool:].any()  # held-out examples are nobody's


@settings(max_examples=30, deadline=None)
@given(part=st.integers(5, 40), seed=SEEDS)
def test_four_way_follows_from_the_seed_alone(part, seed):
    np.random.seed(seed)
    first, again = four_way(4 * part, part, seed), four_way(4 * part, part, seed)
    other = four_way(4 * part, part, seed ^ 1)
    assert np.array_equal(first.members, again.members) and np.array_equal(first.counted, again.counted)
    assert not np.array_equal(first.members, other.members)


def test_every_example_is_as_likely_in_every_part():
    splits = [four_way(40, 10, seed) for seed in range(400)]
    members = np.mean([s.members for s in splits], axis=0)
    non_members = np.mean([s.counted & ~s.members for s in splits], axis=0)
    assert abs(np.stack([members, non_members]) - 0.25).max() < 5 * np.sqrt(0.25 * 0.75 / 400)


@pytest.mark.parametrize(("pool", "part"), [(50_000, 10_520), (1797, 449), (60_000, 15_000), (80, 20), (4, 1)])
def test_default_part(pool, part):
    assert default_part(pool) == part
    assert four_way(pool, None, 0).members.sum(1).tolist() == [part, part]


@pytest.mark.parametrize(("pool", "part", "words"), [
    (1797, 450, "part: four parts of 450 need 1,800 examples, found 1,797; at most 449 a part"),
    (50_000, 12_501, "four parts of 12,501 need 50,004 examples, found 50,000"), (3, None, "found 3"),
    (0, None, "found 0"), (100, 0, "part"), (100, -5, "part"),
])  # fmt: skip
def test_sizes_that_do_not_fit_state_what_there_is(pool, part, words):
    with pytest.raises(DataError) as error:
        four_way(pool, part, 0)
    assert words in str(error.value) and "\n" not in str(error.value)


@settings(max_examples=60, deadline=None)
@given(pool=st.integers(2, 80), half=st.integers(1, 6), held_out=st.integers(0, 10), seed=SEEDS)
def test_pairs_are_complementary(pool, half, held_out, seed):
    split = pairs(pool, 2 * half, seed, pool + held_out)
    assert split.members.shape == (2 * half, pool + held_out)
    even, odd = split.members[0::2], split.members[1::2]
    assert (even[:, :pool] ^ odd[:, :pool]).all()
    assert (even.sum(1) == pool // 2).all() and (odd.sum(1) == pool - pool // 2).all()
    assert split.counted[:, :pool].all()
    assert not split.counted[:, pool:].any() and not split.members[:, pool:].any()
    # Each example is a member of half of all models, so references without a pair never tell about its models.
    assert (split.members[:, :pool].sum(0) == half).all()


@settings(max_examples=20, deadline=None)
@given(pool=st.integers(2, 60), seed=SEEDS)
def test_more_pairs_leave_the_first_ones_as_they_are(pool, seed):
    few, many = pairs(pool, 2, seed), pairs(pool, 8, seed)
    assert np.array_equal(few.members, many.members[:2])


def test_pairs_differ_from_each_other_and_from_the_four_way_split():
    rows = [*pairs(200, 6, 0).members, four_way(200, 50, 0).counted[0]]
    assert len({row.tobytes() for row in rows}) == 7


@pytest.mark.parametrize("models", [0, 1, 3, -2])
def test_pairs_need_an_even_number_of_models_and_examples(models):
    with pytest.raises(SettingsError, match=f"models: expected an even number.*found {models}"):
        pairs(10, models, 0)
    with pytest.raises(DataError, match="at least 2 examples, found 1"):
        pairs(1, 2, 0)


@pytest.mark.parametrize("split", [random_halves, exactly_half])
def test_splits_are_halves_of_the_pool_and_repeat_by_seed(split):
    made = split(4000, 8, 3, 4100)
    assert np.array_equal(made.members, split(4000, 8, 3, 4100).members)
    assert not np.array_equal(made.members, split(4000, 8, 4, 4100).members)
    assert not made.members[:, 4000:].any() and not made.counted[:, 4000:].any() and made.counted[:, :4000].all()
    assert np.abs(made.members[:, :4000].mean(axis=1) - 0.5).max() < 0.04
    holders = made.members[:, :4000].sum(axis=0)
    assert (holders == 4).all() if split is exactly_half else len(np.unique(holders)) > 5
    with pytest.raises(DataError):
        split(0, 8, 0)
    with pytest.raises(SettingsError):
        split(10, 0, 0)
    if split is exactly_half:
        with pytest.raises(SettingsError, match="even number"):
            split(10, 7, 0)
    else:
        assert split(10, 7, 0).members.shape == (7, 10)

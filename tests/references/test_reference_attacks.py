"""Every attack on reference models: the null test of the splits, and what holds for all of them alike."""

import numpy as np
import pytest

from mia_core.base.errors import ArrayError
from mia_core.data.splits import exactly_half, pairs, random_halves
from mia_core.gate.posteriors import logit_statistic
from mia_core.measures.intervals import over_seeds
from mia_core.measures.metrics import auc
from mia_core.references import References
from reference_attacks import ATTACKS, HELD_OUT, OFFLINE, noise, pool_of, scores_of, small

# The null test: no signal, no attack


def null_interval(name, split, models, leave_partner, pool=2000, seeds=8):
    """Interval of an attack's AUC over models that carry no signal (99.9%: some fifty of them are looked at)."""
    areas = []
    for seed in range(seeds):
        made = split(pool, models, seed, pool + HELD_OUT)
        target = seed % models
        scores = scores_of(name, noise(made, seed), made.members, target, target ^ 1 if leave_partner else None)
        areas.append(auc(scores, made.members[target, : pool_of(made)]))
    return over_seeds(areas, 0.999)


@pytest.mark.parametrize("models", [4, 8, 16])
@pytest.mark.parametrize("name", ATTACKS)
def test_no_attack_finds_a_signal_in_pairs_that_have_none(name, models):
    interval = null_interval(name, pairs, models, leave_partner=True, pool=500 if name == "label only" else 2000)
    assert interval.low <= 0.5 <= interval.high, interval


@pytest.mark.parametrize("models", [8, 16])
@pytest.mark.parametrize("name", ["lira", "lira, own variance", "t-lira", "rmia"])
def test_nor_in_independent_coins(name, models):
    interval = null_interval(name, random_halves, models, leave_partner=False)
    assert interval.low <= 0.5 <= interval.high, interval


@pytest.mark.parametrize(
    ("name", "area"),
    [("lira, own variance, median, n", 0.43), ("lira, own variance", 0.445), ("lira, raw, median", 0.46)],
)
@pytest.mark.parametrize("split", [exactly_half, pairs])
def test_the_null_test_fails_where_only_the_target_is_left_out(name, area, split):
    interval = null_interval(name, split, 8, leave_partner=False, pool=4000)
    assert interval.high < 0.5, interval
    assert interval.mean == pytest.approx(area, abs=0.012)


def test_label_only_without_the_partner_left_out_is_turned_around():
    assert null_interval("label only", pairs, 8, leave_partner=False, pool=500).high < 0.4


# Every attack


@pytest.mark.parametrize("name", ATTACKS)
def test_scores_follow_the_examples_and_do_not_see_the_targets_membership(name):
    statistics, members = small(models=8, pool=300)
    scores = scores_of(name, statistics, members, 2, 3)
    assert scores.shape == (300,) and scores.dtype == np.float64 and np.isfinite(scores).all()
    random = np.random.default_rng(0)
    order = np.append(random.permutation(300), np.arange(300, 350))
    assert np.array_equal(scores_of(name, statistics[:, order], members[:, order], 2, 3), scores[order[:300]])
    shuffled = members.copy()
    for row in (2, 3):
        shuffled[row, :300] = random.permutation(members[row, :300])
    assert np.array_equal(scores_of(name, statistics, shuffled, 2, 3), scores)
    models = random.permutation(8)
    target, partner = (int(np.flatnonzero(models == row)[0]) for row in (2, 3))
    np.testing.assert_allclose(scores_of(name, statistics[models], members[models], target, partner), scores, atol=1e-9)
    pair = np.r_[1, 0, 3, 2, 5, 4, 7, 6]
    np.testing.assert_allclose(scores_of(name, statistics[pair], members[pair], 3, 2), scores, atol=1e-9)


@pytest.mark.parametrize("name", ATTACKS)
def test_scores_follow_the_examples_where_many_lack_references_as_well(name):
    made = random_halves(1000, 4, 0, 1000 + HELD_OUT)
    statistics, members = noise(made, 0), made.members
    scores = scores_of(name, statistics, members, 0, None)
    for seed in range(3):
        order = np.append(np.random.default_rng(seed).permutation(1000), np.arange(1000, 1000 + HELD_OUT))
        assert np.array_equal(scores_of(name, statistics[:, order], members[:, order], 0, None), scores[order[:1000]])


@pytest.mark.parametrize("name", [name for name in ATTACKS if name != "attack p"])
def test_attacks_find_a_strong_signal_beyond_difficulty(name):
    split = pairs(2000, 16, 0, 2000 + HELD_OUT)
    scores = scores_of(name, noise(split, 0, signal=2.0), split.members, 0, 1)
    assert auc(scores, split.members[0, :2000]) > 0.75


@pytest.mark.parametrize("name", ATTACKS)
def test_examples_that_all_or_none_of_the_references_hold(name):
    statistics, members = small(models=6, pool=8)
    members[:, 0], members[:, 1] = True, False
    members[:2, 1] = True  # not held out, but none of the references of target 0 trained on it
    for target in range(6):
        marked = members.copy()
        if target > 1:
            marked[:2, 1], marked[target, 1] = False, True
        scores = scores_of(name, statistics, marked, target, target ^ 1)
        assert scores.shape == (8,) and np.isfinite(scores).all()


@pytest.mark.parametrize("name", ATTACKS)
def test_constant_outputs_give_equal_finite_scores(name):
    members = small()[1]
    scores = scores_of(name, np.ones(members.shape), members, 0, 1)
    assert np.isfinite(scores).all() and np.ptp(scores) == 0


@pytest.mark.parametrize("name", OFFLINE)
def test_offline_attacks_need_no_in_references_and_online_ones_say_so(name):
    statistics, members = small()
    nobody = np.zeros_like(members)
    nobody[0, :60] = members[0, :60]
    nobody[1, :60] = ~members[0, :60]
    assert np.isfinite(scores_of(name, statistics, nobody, 0, 1)).all()
    for online in ("lira", "t-lira", "label only"):
        with pytest.raises(ArrayError, match="IN references; use the offline form"):
            scores_of(online, statistics, nobody, 0, 1)


def test_queries_are_averaged():
    statistics, members = small()
    doubled = np.stack([statistics, statistics[:, ::-1]], axis=2)
    for name in ("lira", "t-lira", "attack r", "calibrated", "base"):
        both = ATTACKS[name](References(doubled, members, 0, 1), None)
        parts = [ATTACKS[name](References(doubled[..., q], members, 0, 1), None) for q in (0, 1)]
        np.testing.assert_allclose(both, (parts[0] + parts[1]) / 2)


@pytest.mark.parametrize("name", ATTACKS)
def test_reported_case_of_examples_in_all_or_no_models(name, cases):
    with np.load(cases / "models" / "coverage.npz") as file:
        logits, labels, members = file["logits"], file["labels"], file["members"]
    statistics = logit_statistic(logits, labels)
    outside = np.random.default_rng(0).normal(size=(6, 20))
    for target in range(6):
        references = References.of_pairs(statistics, members, target)
        population = References.of_pairs(outside, np.zeros((6, 20), bool), target)
        scores = ATTACKS[name](references, population)
        assert scores.shape == (8,) and np.isfinite(scores).all()

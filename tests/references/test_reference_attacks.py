"""What holds for every attack with reference models, known by its record; and the null test: no signal, no attack."""

import numpy as np
import pytest

from mia_core.base.errors import ArrayError
from mia_core.data.splits import exactly_half, pairs, random_halves
from mia_core.measures.intervals import over_seeds
from mia_core.measures.metrics import auc
from mia_core.references import REFERENCE_ATTACKS
from reference_attacks import ATTACKS, COMPARE, HELD_OUT, ON_SHADOW, noise, scores_of, small

OFFLINE = [name for name in COMPARE if "offline" in name or name in ("attack-r", "calibrated-loss", "lira, density")]
"""Those that need no IN references."""


def null_interval(name, split, models, leave_partner, pool=2000, seeds=8):
    """Interval of an attack's AUC over models that carry no signal (99.9%: some fifty of them are looked at)."""
    pool = 500 if name == "label-only" else pool
    areas = []
    for seed in range(seeds):
        made = split(pool, models, seed, pool + HELD_OUT)
        target = seed % models
        scores = scores_of(name, noise(made, seed), made.members, target, target ^ 1 if leave_partner else None)
        areas.append(auc(scores, made.members[target, :pool]))
    return over_seeds(areas, 0.999)


@pytest.mark.parametrize(
    ("name", "split", "models"),
    [(name, pairs, n) for name in ATTACKS if name != "rapid" for n in (4, 8, 16) if n > 4 or name not in ON_SHADOW]
    + [(name, random_halves, n) for name in ("lira", "lira-own-variance", "t-lira", "rmia") for n in (8, 16)],
)
def test_no_attack_finds_a_signal_in_pairs_or_coins_that_have_none(name, split, models):
    interval = null_interval(name, split, models, leave_partner=split is pairs)
    assert interval.low <= 0.5 <= interval.high, interval


@pytest.mark.parametrize(
    ("name", "area"),
    [("lira, own variance, median, n", 0.43), ("lira-own-variance", 0.445), ("lira, raw, median", 0.46)],
)
@pytest.mark.parametrize("split", [exactly_half, pairs])
def test_the_null_test_fails_where_only_the_target_is_left_out(name, area, split):
    interval = null_interval(name, split, 8, leave_partner=False, pool=4000)
    assert interval.high < 0.5, interval
    assert interval.mean == pytest.approx(area, abs=0.012)


def test_label_only_without_the_partner_left_out_is_turned_around():
    assert null_interval("label-only", pairs, 8, leave_partner=False).high < 0.4


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
    if name not in ON_SHADOW:  # which reference is the shadow depends on the order of the models
        models = random.permutation(8)
        target, partner = (int(np.flatnonzero(models == row)[0]) for row in (2, 3))
        again = scores_of(name, statistics[models], members[models], target, partner)
        np.testing.assert_allclose(again, scores, atol=1e-9)


@pytest.mark.parametrize("name", ATTACKS)
def test_equal_examples_get_equal_scores(name):
    statistics, members = small(pool=200)
    twice = np.r_[:200, :200, 200 : 200 + HELD_OUT]
    scores = scores_of(name, statistics[:, twice], members[:, twice], 2, 3)
    assert np.array_equal(scores[:200], scores[200:])
    flat = scores_of(name, np.ones(members.shape), members, 2, 3)
    assert np.isfinite(flat).all() and np.ptp(flat) == 0


@pytest.mark.parametrize("name", COMPARE)
def test_scores_follow_the_examples_where_many_lack_references_as_well(name):
    made = random_halves(1000, 4, 0, 1000 + HELD_OUT)
    statistics, members = noise(made, 0), made.members
    scores = scores_of(name, statistics, members, 0, None)
    for seed in range(3):
        order = np.append(np.random.default_rng(seed).permutation(1000), np.arange(1000, 1000 + HELD_OUT))
        assert np.array_equal(scores_of(name, statistics[:, order], members[:, order], 0, None), scores[order[:1000]])


@pytest.mark.parametrize("name", COMPARE)
def test_attacks_find_a_strong_signal_beyond_difficulty(name):
    split = pairs(2000, 16, 0, 2000 + HELD_OUT)
    scores = scores_of(name, noise(split, 0, signal=2.0), split.members, 0, 1)
    assert auc(scores, split.members[0, :2000]) > 0.75


@pytest.mark.parametrize("name", OFFLINE)
def test_offline_attacks_need_no_in_references_and_online_ones_say_so(name):
    statistics, members = small()
    nobody = np.zeros_like(members)
    nobody[0, :60] = members[0, :60]
    nobody[1, :60] = ~members[0, :60]
    assert np.isfinite(scores_of(name, statistics, nobody, 0, 1)).all()
    for online in ("lira", "t-lira", "label-only"):
        with pytest.raises(ArrayError, match="IN references; use the offline form"):
            scores_of(online, statistics, nobody, 0, 1)


@pytest.mark.parametrize("name", [name for name in COMPARE if not name.startswith(("label", "rmia"))])
def test_queries_are_averaged(name):
    statistics, members = small()
    doubled = np.stack([statistics, statistics[:, ::-1]], axis=2)
    parts = [scores_of(name, doubled[..., query], members, 0, 1) for query in (0, 1)]
    np.testing.assert_allclose(scores_of(name, doubled, members, 0, 1), (parts[0] + parts[1]) / 2, atol=1e-12)


def test_every_record_says_what_it_compares_and_whose_it_is():
    assert all(record.compares and record.source for record in REFERENCE_ATTACKS.values())

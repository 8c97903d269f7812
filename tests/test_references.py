"""Reference models: who is compared with whom, what is said where nobody is, and the null test of the splits."""

import itertools

import numpy as np
import pytest
from reference_attacks import ATTACKS, HELD_OUT, OFFLINE, noise, pool_of, scores_of

from mia_core.errors import ArrayError, DataError, SettingsError
from mia_core.intervals import over_seeds
from mia_core.metrics import auc
from mia_core.posteriors import logit_statistic, softmax
from mia_core.reference_splits import exactly_half, random_halves
from mia_core.references import References
from mia_core.references.attack_r import attack_r
from mia_core.references.calibration import difficulty_calibrated, memorisation
from mia_core.references.label_only import fit_logistic, label_only
from mia_core.references.outputs import BLOCK, held_out
from mia_core.references.population import attack_p
from mia_core.references.statistics import correctness, hinge_statistic, logit_of_posteriors, true_probability
from mia_core.references.summaries import summarise
from mia_core.splits import pairs


def small(models=8, pool=60, signal=1.0, seed=0):
    """(statistics, members) of complementary pairs, with held-out examples."""
    split = pairs(pool, models, seed, pool + HELD_OUT)
    return noise(split, seed, signal), split.members


# The data class


def test_rows_leave_out_target_and_partner():
    statistics, members = small()
    assert References.of_pairs(statistics, members, 4).rows.tolist() == [0, 1, 2, 3, 6, 7]
    assert References.of_pairs(statistics, members, 5, asked=2).rows.tolist() == [0, 1]
    assert References(statistics, members, 0, None).rows.tolist() == [1, 2, 3, 4, 5, 6, 7]
    inside, outside = References.of_pairs(statistics, members, 3).counts()
    assert (inside[:60] == 3).all() and (outside[:60] == 3).all() and (inside[60:] == 0).all()


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"asked": 8}, SettingsError, "asked for 8, found 6"),
        ({"asked": 0}, SettingsError, "asked for 0, found 6"),
        ({"target": 8}, SettingsError, "row from 0 to 7, found 8"),
        ({"partner": 0}, SettingsError, "found 0 for both"),
        ({"statistics": np.zeros(8)}, ArrayError, r"expected numbers \[M, N\]"),
        ({"statistics": np.zeros((8, 0))}, ArrayError, "none empty"),
        ({"statistics": np.zeros((8, 110), complex)}, ArrayError, "complex128"),
        ({"members": np.zeros((8, 109), bool)}, ArrayError, r"expected bool \(8, 110\)"),
        ({"members": np.zeros((8, 110), int)}, ArrayError, "found int64"),
    ],
)
def test_what_does_not_fit_is_refused(change, error, words):
    statistics, members = small()
    with pytest.raises(error, match=words) as caught:
        References(**({"statistics": statistics, "members": members, "target": 0, "partner": 1} | change))
    assert "\n" not in str(caught.value)


def test_values_that_are_not_finite_are_refused_with_their_place():
    statistics, members = small()
    statistics[3, 7] = np.nan
    statistics[5, 2] = np.inf
    with pytest.raises(ArrayError, match="2 values that are not finite, first at model 3, example 7"):
        References.of_pairs(statistics, members, 0)
    References.of_pairs(np.full((4, 110), 1e308), members[:4], 0)  # its sum overflows, its values are finite


def test_a_target_without_references_is_refused():
    statistics, members = small(models=2)
    with pytest.raises(ArrayError, match="found 2 models, no reference"):
        References.of_pairs(statistics, members, 0)


def test_blocks_cover_all_examples_once_and_leave_no_single_one():
    members = np.zeros((3, BLOCK + 1), bool)
    references = References(np.zeros((3, BLOCK + 1), np.float32), members, 0, None)
    blocks = list(references.columns())
    assert len(blocks) > 1 and blocks[0].start == 0 and blocks[-1].stop == BLOCK + 1
    assert all(a.stop == b.start for a, b in itertools.pairwise(blocks))
    assert min(b.stop - b.start for b in blocks) > 1
    assert [b.stop for b in References(np.zeros((3, 1)), members[:, :1], 0, None).columns()] == [1]


def test_summaries_are_numpys():
    statistics, members = small(models=12, pool=40)
    references = References.of_pairs(statistics, members, 2)
    for side, wanted in zip(summarise(references, median=True), (True, False), strict=True):
        for j in range(references.examples):
            values = statistics[references.rows, j][members[references.rows, j] == wanted]
            assert side.count[j] == len(values)
            if len(values):
                expected = [values.mean(), values.var() * len(values), np.median(values)]
                np.testing.assert_allclose([side.mean[j], side.squares[j], side.median[j]], expected, atol=1e-12)
            else:
                assert side.mean[j] == side.squares[j] == side.median[j] == 0


# Statistics


def test_statistics_by_hand_and_from_posteriors():
    logits = np.array([[2.0, 0.0, 1.0], [0.0, 5.0, 3.0]])
    labels = np.array([0, 2])
    assert hinge_statistic(logits, labels).tolist() == [1.0, -2.0]
    np.testing.assert_allclose(hinge_statistic(np.log(softmax(logits)), labels), [1.0, -2.0])
    np.testing.assert_allclose(logit_of_posteriors(softmax(logits), labels), logit_statistic(logits, labels))
    np.testing.assert_allclose(true_probability(logits, labels), softmax(logits)[[0, 1], labels])
    np.testing.assert_allclose(true_probability(logits[None], labels, 2.0)[0], softmax(logits / 2)[[0, 1], labels])
    assert correctness(logits, labels).tolist() == [1.0, 0.0]
    assert np.isfinite(logit_of_posteriors([[1.0, 0.0, 0.0]] * 2, [0, 1])).all()


# Splits


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


def test_an_odd_number_of_models_has_no_exact_half():
    with pytest.raises(SettingsError, match="even number"):
        exactly_half(10, 7, 0)
    assert random_halves(10, 7, 0).members.shape == (7, 10)


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


# The small attacks


def test_attack_r_attack_p_calibration_and_memorisation_by_hand():
    statistics = np.array([[1.0, 5.0, 2.0], [0.0, 6.0, 2.0], [2.0, 4.0, 2.0], [3.0, 1.0, 4.0]])
    members = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]], bool)
    references = References(statistics, members, 0, None)
    assert attack_r(references).tolist() == [0.5, 1.0, 0.0]
    assert difficulty_calibrated(references).tolist() == [0.0, 1.0, 0.0]
    assert memorisation(references).tolist() == [2.0, -0.5, 1.0]
    assert attack_p(np.array([1.0, 2.0, 9.0]), np.array([1.0, 1.0, 2.0, 4.0])).tolist() == [0.5, 0.75, 1.0]


def test_label_only_is_scikit_learns_regression():
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(0)
    features = np.concatenate([random.integers(0, 2, (40, 12, 3)), np.ones((40, 12, 1))], axis=2).astype(float)
    targets = random.random((40, 12)) < 0.5
    targets[:, 0], targets[:, 1] = True, False
    targets[0] = features[0, :, 0] > 0  # separable
    targets[1, 2:] = True  # one against all others
    weights = fit_logistic(features, targets, c=2.0)
    for j in range(40):
        model = LogisticRegression(C=2.0, tol=1e-10, max_iter=10000).fit(features[j, :, :3], targets[j])
        np.testing.assert_allclose(weights[j], [*model.coef_[0], model.intercept_[0]], atol=1e-4)


def test_held_out_is_what_no_model_trained_on():
    assert held_out(np.array([[1, 0, 0], [1, 1, 0]], bool)).tolist() == [False, False, True]


# Known answers


def test_published_answers_on_eight_models(answers):
    known = answers["eight_models_case"]
    members, labels = np.array(known["keep"], bool), known["labels"]
    p = true_probability(known["logits"], labels)
    hinge = known["hinge_on_logits_of_target (Aerni et al. 2024)"]
    np.testing.assert_allclose(hinge_statistic(known["logits"], labels)[0], hinge, atol=1e-9)
    shares = known["attack_r (Ye et al. 2022): share of OUT references with a larger loss; higher = member"]
    np.testing.assert_allclose(attack_r(References.of_pairs(np.log(p), members, 0)), shares, atol=1e-9)
    lower = known["attack_p: share of z with a smaller loss under the target; lower = member"]
    z = true_probability(known["z_logits"], known["z_labels"])
    np.testing.assert_allclose(1 - attack_p(np.log(p[0]), np.log(z[0])), lower, atol=1e-9)
    expected = known["memorisation (mean IN p - mean OUT p)"]
    np.testing.assert_allclose(memorisation(References.of_pairs(p, members, 0)), expected, atol=1e-9)


def test_published_answer_of_label_only(answers):
    known = answers["label_only_from_references"]
    right, members = np.array(known["correct"], float)[:, None], np.array(known["member"], bool)[:, None]
    scores = [label_only(References(right, members, row, None))[0] for row in range(len(right))]
    np.testing.assert_allclose(scores, known["scores"], atol=1e-4)


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

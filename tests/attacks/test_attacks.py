"""The attacks and the quantities they read: values by hand, equal rows equal scores, no look at the membership."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from arrays import AUC, base, rows_of
from mia_core.attacks import ATTACKS, EVERY, AttackSettings, make_attack
from mia_core.attacks.adversary1 import Adversary1, Adversary1Settings
from mia_core.attacks.features import largest
from mia_core.base.errors import ArrayError, SettingsError
from mia_core.gate.outputs import check_outputs
from mia_core.gate.posteriors import LOG_FLOOR, entropy, log_posteriors, logit_statistic, modified_entropy, softmax
from mia_core.measures.metrics import auc, measure

SHADOW = check_outputs(**base("shadow"))
TARGET = check_outputs(**base("target"))
CASES = [
    *(
        ("adversary1", {"features": f, "classifier": c})
        for f in ("posteriors", "logs")
        for c in ("logistic", "network")
    ),
    *((name, {}) for name in ATTACKS if name != "adversary1"),
]


def fitted(name, options, side=SHADOW):
    return make_attack(name, AttackSettings(**options)).fit(side.posteriors, side.members, side.labels)


def realistic(seed, rows=300, classes=10):
    """Posteriors of a fitted model, all different, members a little surer."""
    random = np.random.default_rng(seed)
    members = np.arange(rows) % 2 == 0
    labels = random.integers(0, classes, rows)
    logits = random.normal(size=(rows, classes))
    logits[np.arange(rows), labels] += 2 + 2 * members
    return check_outputs(logits=logits, members=members, labels=labels)


# Posteriors


@given(st.lists(st.floats(-800, 800), min_size=2, max_size=12), st.randoms(use_true_random=False))
@settings(deadline=None, derandomize=True, max_examples=100)
def test_softmax_is_a_posterior_and_does_not_see_the_order_of_classes(row, random):
    order = list(range(len(row)))
    random.shuffle(order)
    row = np.array(row)
    result = softmax(row)
    assert result.dtype == np.float64 and (result >= 0).all() and result.sum() == pytest.approx(1)
    assert np.array_equal(softmax(row[order]), result[order])


def test_softmax_of_extreme_logits_and_of_any_layout():
    assert softmax([1e308, -1e308, 0]).tolist() == [1, 0, 0]
    np.testing.assert_allclose(softmax(np.float32([1e4, 1e4])), [0.5, 0.5])
    logits = np.random.default_rng(0).normal(size=(3, 50, 10))
    whole = softmax(logits)
    assert np.array_equal(softmax(np.asfortranarray(logits)), whole)
    assert np.array_equal(softmax(logits[1, 7]), whole[1, 7]) and np.array_equal(softmax(logits[:, 7:8]), whole[:, 7:8])


def test_logs_have_a_floor():
    assert log_posteriors([1.0, 0.0, 1e-300]).tolist() == [0, np.log(LOG_FLOOR), np.log(LOG_FLOOR)]


def test_entropy_of_hard_and_of_flat_posteriors():
    assert entropy([[1, 0, 0], [1 / 3, 1 / 3, 1 / 3]]) == pytest.approx([0, np.log(3)])
    assert not np.signbit(entropy([1.0, 0.0]))


def test_logit_statistic_by_hand_and_where_posteriors_would_fail():
    logits = np.array([[1, 2, -3], [-1, 1, 0]], dtype=float)
    p = softmax(logits)[[0, 1], [1, 2]]
    np.testing.assert_allclose(logit_statistic(logits, [1, 2]), np.log(p / (1 - p)))
    np.testing.assert_allclose(logit_statistic([[100.0, 0.0, 0.0]], [0]), [100 - np.log(2)])
    np.testing.assert_allclose(logit_statistic([[[3.0, 1.0]], [[1.0, 3.0]]], [0]), [[2], [-2]])


def test_modified_entropy_by_hand():
    # The values come from the paper's formula: p = (0.7, 0.2, 0.1), y = 0.
    expected = -0.3 * np.log(0.7) - 0.2 * np.log(0.8) - 0.1 * np.log(0.9)
    assert modified_entropy([[0.7, 0.2, 0.1]], [0]) == pytest.approx([expected])


# Features and settings


def test_the_largest_posteriors_come_highest_first():
    rows = np.array([[0.1, 0.6, 0.3], [0.5, 0.0, 0.5]])
    assert largest(rows, 2).tolist() == [[0.6, 0.3], [0.5, 0.5]]
    assert largest(rows, 5).tolist() == [[0.6, 0.3, 0.1], [0.5, 0.5, 0.0]]
    np.testing.assert_allclose(largest(rows, 1, "logs"), np.log([[0.6], [0.5]]))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"attacks": "gapp"}, "unknown attack 'gapp'; did you mean gap"),
        ({"attacks": ["gap", "gap"]}, "each attack once"),
        ({"attacks": []}, "one or more attacks"),
        ({"attacks": ""}, "unknown attack ''"),
        ({"attacks": "all,gap"}, "each attack once"),
        ({"attacks": [3]}, "unknown attack 3"),
        ({"attack": "gap"}, "did you mean attacks"),
        ({"k": 0}, "k: "),
        ({"k": 2.5}, "whole number"),
        ({"features": "log"}, "'posteriors' or 'logs'"),
        ({"classifier": "forest"}, "classifier"),
        ({"direction": "target_to_target"}, "shadow_to_target"),
        ({"confidence": 95}, "confidence"),
        ({"replicates": -1}, "replicates"),
    ],
)
def test_settings_refused(values, words):
    with pytest.raises(SettingsError) as caught:
        AttackSettings(**values)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_an_unknown_attack_is_refused_with_the_nearest():
    with pytest.raises(SettingsError, match="did you mean adversary1"):
        make_attack("Adversary1")


def test_every_attack_has_one_name_in_all():
    assert AttackSettings(attacks="all").attacks == EVERY == AttackSettings(attacks=["all"]).attacks
    assert {ATTACKS[name] for name in EVERY} | {ATTACKS["adversary3-entropy"]} == set(ATTACKS.values())
    assert AttackSettings(attacks="gap, loss").attacks == AttackSettings(attacks=["gap", "loss"]).attacks


@pytest.mark.parametrize("name", ["adversary3", "adversary3-deviation", "adversary3-entropy"])
def test_adversary_3_with_a_shadow_is_a_threshold_on_its_statistic(name):
    short = name.removeprefix("adversary3").removeprefix("-") or "confidence"
    first, second = fitted(name, {}, realistic(1)), fitted(short, {}, realistic(1))
    target = realistic(2)
    assert first.threshold == second.threshold and first.threshold_from == second.threshold_from == "shadow"
    assert np.array_equal(*(attack.score(target.posteriors, target.labels) for attack in (first, second)))


# Every attack


@pytest.mark.parametrize(("name", "options"), CASES)
def test_equal_rows_get_equal_scores_wherever_they_stand(name, options):
    attack, side = fitted(name, options), realistic(1)
    scores = attack.score(side.posteriors, side.labels)
    assert scores.dtype == np.float64 and scores.shape == (300,) and np.isfinite(scores).all()
    order = np.random.default_rng(0).permutation(300)
    assert np.array_equal(attack.score(side.posteriors[order], side.labels[order]), scores[order])
    for row in (0, 17, 299):
        one = slice(row, row + 1)
        assert attack.score(side.posteriors[one], side.labels[one])[0] == scores[row]
    twice = attack.score(np.tile(side.posteriors, (2, 1)), np.tile(side.labels, 2))
    assert np.array_equal(twice, np.tile(scores, 2))


@pytest.mark.parametrize(("name", "options"), CASES)
def test_the_order_of_the_shadows_rows_does_not_matter(name, options):
    side, target = realistic(1), realistic(2)
    order = np.random.default_rng(0).permutation(300)
    permuted = check_outputs(posteriors=side.posteriors[order], members=side.members[order], labels=side.labels[order])
    first, second = fitted(name, options, side), fitted(name, options, permuted)
    assert first.threshold == second.threshold
    assert np.array_equal(*(attack.score(target.posteriors, target.labels) for attack in (first, second)))


@pytest.mark.parametrize(("name", "options"), CASES)
def test_an_attack_does_better_than_chance_on_another_model(name, options):
    attack, target = fitted(name, options, realistic(1)), realistic(2)
    scores = attack.score(target.posteriors, target.labels)
    assert auc(scores, target.members) > 0.52
    assert measure(scores, target.members, attack.threshold)["balanced_accuracy"] > 0.52


AREAS = {"gap": 0.7035} | dict.fromkeys(("loss", "modified-entropy", "true-confidence"), 0.847405)
"""Areas that are not that of the largest posterior, by counting."""
BY_CLASS = [name for name in ATTACKS if name.endswith("per-class") or name in ("shokri", "risk-score")]


@pytest.mark.parametrize(("name", "options"), [case for case in CASES if case[0] not in BY_CLASS])
def test_known_area_on_counted_outputs(name, options):
    scores = fitted(name, options).score(TARGET.posteriors, TARGET.labels)
    expected = AREAS.get(name, AUC)
    assert auc(scores, TARGET.members) == pytest.approx(expected, abs=1e-12)


# Adversary 1


def test_scores_are_scikit_learns_log_odds():
    side, target = realistic(1), realistic(2)
    for classifier, model in (
        ("logistic", LogisticRegression(C=1 / (1e-6 * 300), tol=1e-10, max_iter=10000)),
        ("network", MLPClassifier((64,), learning_rate_init=0.01, max_iter=50, random_state=0)),
    ):
        attack = Adversary1(Adversary1Settings(classifier=classifier)).fit(side.posteriors, side.members)
        features = largest(side.posteriors, 3)
        centre, spread = features.mean(axis=0), features.std(axis=0)
        order = np.lexsort((side.members, *features.T))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(((features - centre) / spread)[order], side.members[order])
        odds = model.predict_proba((largest(target.posteriors, 3) - centre) / spread)[:, 1]
        np.testing.assert_allclose(
            1 / (1 + np.exp(-attack.score(target.posteriors))), odds, atol=1e-4 if classifier == "logistic" else 1e-9
        )


@pytest.mark.parametrize("squeeze", [1e-4, 1.0])
def test_a_defense_that_only_rescales_does_not_blind_the_attack(squeeze):
    shadow, target = realistic(1), realistic(2)
    flat = [check_outputs(posteriors=0.1 + (s.posteriors - 0.1) * squeeze, members=s.members) for s in (shadow, target)]
    attack = Adversary1().fit(flat[0].posteriors, flat[0].members)
    values = measure(attack.score(flat[1].posteriors), target.members, attack.threshold)
    plain = Adversary1().fit(shadow.posteriors, shadow.members)
    expected = measure(plain.score(target.posteriors), target.members, plain.threshold)
    assert values["auc"] == pytest.approx(expected["auc"], abs=1e-3)
    assert values["attack_accuracy"] == pytest.approx(expected["attack_accuracy"], abs=0.01)


@pytest.mark.parametrize("features", ["posteriors", "logs"])
@pytest.mark.parametrize("classifier", ["logistic", "network"])
def test_hard_labels_separable_sides_and_two_rows_are_fitted_without_a_word(features, classifier):
    hard = np.eye(10)[np.arange(40) % 10]
    separable = rows_of(np.repeat([0.99, 0.4], 20), np.arange(40) % 10)
    members = np.arange(40) < 20
    for posteriors, inside in ((hard, members), (separable, members), (separable[[0, 39]], members[[0, 39]])):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            attack = Adversary1(Adversary1Settings(features=features, classifier=classifier)).fit(posteriors, inside)
            scores = attack.score(posteriors)
        assert np.isfinite(scores).all()
        if posteriors is hard:
            assert scores.min() == scores.max()
        elif len(posteriors) == 40:
            assert ((scores >= attack.threshold) == inside).all()


def test_two_classes_have_two_features():
    random = np.random.default_rng(0)
    top = np.where(np.arange(200) % 2, random.uniform(0.6, 1, 200), random.uniform(0.5, 0.9, 200))
    posteriors = rows_of(top, random.integers(0, 2, 200), classes=2)
    members = np.arange(200) % 2 == 1
    scores = Adversary1().fit(posteriors, members).score(posteriors)
    assert auc(scores, members) == auc(top, members)


def test_fewer_classes_than_at_the_fit_are_refused():
    attack = Adversary1().fit(SHADOW.posteriors, SHADOW.members)
    with pytest.raises(ArrayError, match=r"2 largest values.*3 that the attack"):
        attack.score(np.array([[0.6, 0.4]]))


def test_the_networks_seed_counts():
    scores = [
        fitted("adversary1", {"classifier": "network", "attack_seed": s}).score(TARGET.posteriors) for s in (0, 0, 1)
    ]
    assert np.array_equal(scores[0], scores[1]) and not np.array_equal(scores[0], scores[2])


# Baselines


def test_gap_attack_is_correctness():
    values = measure(fitted("gap", {}).score(TARGET.posteriors, TARGET.labels), TARGET.members, 0.5)
    assert values["balanced_accuracy"] == 0.7035
    assert values["recall_members"] == 0.977 and values["recall_non_members"] == 0.43


def test_loss_threshold_is_the_mean_loss_of_the_shadows_members():
    posteriors = rows_of([0.5, 0.25, 0.9, 0.9], [0, 1, 0, 1], classes=3)
    attack = make_attack("loss").fit(posteriors, np.array([True, True, False, False]), np.array([0, 1, 2, 0]))
    assert attack.threshold == pytest.approx((np.log(0.5) + np.log(0.25)) / 2)
    assert attack.score(posteriors, np.array([0, 1, 0, 1])) == pytest.approx(np.log([0.5, 0.25, 0.9, 0.9]))


def test_loss_of_a_hard_wrong_prediction_is_finite():
    assert make_attack("loss").score(np.array([[1.0, 0.0]]), np.array([1])).tolist() == [np.log(LOG_FLOOR)]


def test_confidence_threshold_is_the_shadows_best():
    top = np.array([0.9, 0.8, 0.7, 0.6])
    attack = make_attack("confidence").fit(rows_of(top, [0, 1, 2, 0], 3), np.array([True, True, False, False]))
    assert attack.threshold == 0.8

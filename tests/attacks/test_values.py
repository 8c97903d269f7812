"""The attacks' values by hand, by scikit-learn, and where the shadow lacks a class."""

import warnings

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from test_every_attack import SHADOW, TARGET, fitted, realistic, without

from arrays import AUC, rows_of
from mia_core.attacks import make_attack
from mia_core.attacks.adversary1 import Adversary1, Adversary1Settings, largest
from mia_core.attacks.adversary3 import Adversary3, Adversary3Deviation, Adversary3Entropy
from mia_core.attacks.classifier import Classifier
from mia_core.attacks.risk_score import PrivacyRiskScore
from mia_core.attacks.shokri import Shokri
from mia_core.attacks.song_mittal import TrueConfidencePerClass
from mia_core.base.errors import ArrayError, MiaWarning, SettingsError
from mia_core.gate.posteriors import LOG_FLOOR, entropy, modified_entropy, softmax
from mia_core.measures.metrics import auc, measure

FOUR = rows_of([0.9, 0.8, 0.7, 0.6], [0, 0, 0, 0], 3)
TWO_MEMBERS = np.array([True, True, False, False])


@pytest.mark.parametrize(("most_columns", "close"), [(2000, 1e-3), (10, 1e-2)])
def test_more_columns_than_rows_are_fitted_as_any_others_are(monkeypatch, most_columns, close):
    monkeypatch.setattr("mia_core.attacks.classifier.MANY_COLUMNS", most_columns)
    random = np.random.default_rng(0)
    features, members = random.normal(size=(25, 40)), np.arange(25) % 2 == 0
    features += members[:, None] * random.normal(size=40) / 2
    model = LogisticRegression(C=1 / (1e-6 * 25), solver="newton-cholesky", tol=1e-12, max_iter=10000)
    scaled = (features - features.mean(axis=0)) / features.std(axis=0)
    odds = Classifier().fit(features, members).log_odds(features)
    np.testing.assert_allclose(odds, model.fit(scaled, members).decision_function(scaled), rtol=close)


# Adversary 1


def test_the_largest_posteriors_come_highest_first():
    rows = np.array([[0.1, 0.6, 0.3], [0.5, 0.0, 0.5]])
    assert largest(rows, 2).tolist() == [[0.6, 0.3], [0.5, 0.5]]
    assert largest(rows, 5).tolist() == [[0.6, 0.3, 0.1], [0.5, 0.5, 0.0]]
    np.testing.assert_allclose(largest(rows, 1, "logs"), np.log([[0.6], [0.5]]))


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


def test_a_defense_that_only_rescales_does_not_blind_the_attack():
    shadow, target, found = realistic(1, classes=10), realistic(2, classes=10), []
    for squeeze in (1.0, 1e-4):
        known, asked = (0.1 + (side.posteriors - 0.1) * squeeze for side in (shadow, target))
        attack = Adversary1().fit(known, shadow.members)
        found.append(measure(attack.score(asked), target.members, attack.threshold))
    assert found[1]["auc"] == pytest.approx(found[0]["auc"], abs=1e-3)
    assert found[1]["attack_accuracy"] == pytest.approx(found[0]["attack_accuracy"], abs=0.01)


@pytest.mark.parametrize("features", ["posteriors", "logs"])
@pytest.mark.parametrize("classifier", ["logistic", "network"])
def test_separable_sides_and_two_rows_are_fitted_without_a_word(features, classifier):
    separable, members = rows_of(np.repeat([0.99, 0.4], 20), np.arange(40) % 10), np.arange(40) < 20
    for rows in (slice(None), [0, 39]):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            attack = Adversary1(Adversary1Settings(features=features, classifier=classifier))
            scores = attack.fit(separable[rows], members[rows]).score(separable[rows])
        assert np.isfinite(scores).all()
        assert len(scores) == 2 or ((scores >= attack.threshold) == members).all()


def test_two_classes_have_two_features_and_fewer_than_at_the_fit_are_refused():
    random, members = np.random.default_rng(0), np.arange(200) % 2 == 1
    top = random.uniform(0.5, 0.9, 200) + 0.1 * members
    posteriors = rows_of(top, random.integers(0, 2, 200), classes=2)
    scores = Adversary1().fit(posteriors, members).score(posteriors)
    assert auc(scores, members) == auc(top, members)
    with pytest.raises(ArrayError, match=r"2 largest values.*3 that the attack"):
        Adversary1().fit(SHADOW.posteriors, SHADOW.members).score(posteriors)


def test_the_networks_seed_counts():
    asked = TARGET.posteriors[:50]
    one, same, other = (fitted("adversary1", classifier="network", attack_seed=s).score(asked) for s in (0, 0, 1))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


# Thresholds


def test_loss_threshold_is_the_mean_loss_of_the_shadows_members():
    posteriors = rows_of([0.5, 0.25, 0.9, 0.9], [0, 1, 0, 1], classes=3)
    attack = make_attack("loss").fit(posteriors, TWO_MEMBERS, np.array([0, 1, 2, 0]))
    assert attack.threshold == pytest.approx((np.log(0.5) + np.log(0.25)) / 2)
    assert attack.score(posteriors, np.array([0, 1, 0, 1])) == pytest.approx(np.log([0.5, 0.25, 0.9, 0.9]))
    assert attack.score(np.array([[1.0, 0.0]]), np.array([1])).tolist() == [np.log(LOG_FLOOR)]


def test_a_statistic_is_its_own_score_and_its_threshold_the_shadows_best():
    labels = np.zeros(4, int)
    for name, expected in {
        "true-confidence": TARGET.posteriors[np.arange(2000), TARGET.labels],
        "modified-entropy": -modified_entropy(TARGET.posteriors, TARGET.labels),
        "entropy": -entropy(TARGET.posteriors),
        "confidence": TARGET.posteriors.max(axis=1),
    }.items():
        assert np.array_equal(fitted(name).score(TARGET.posteriors, TARGET.labels), expected), name
        attack = make_attack(name).fit(FOUR, TWO_MEMBERS, labels)
        assert attack.threshold == attack.score(FOUR, labels)[1] and attack.threshold_from == "shadow", name


def test_a_class_is_judged_by_its_own_threshold():
    posteriors = np.concatenate([FOUR, rows_of([0.6, 0.5, 0.4, 0.3], [1] * 4, 3)])
    labels, members = np.repeat([0, 1], 4), np.tile(TWO_MEMBERS, 2)
    made = TrueConfidencePerClass().fit(posteriors, members, labels)
    assert made.thresholds[:2] == pytest.approx([0.8, 0.5]) and made.threshold == 0
    assert ((made.score(posteriors, labels) >= made.threshold) == members).all()
    pooled = make_attack("true-confidence").fit(posteriors, members, labels)
    assert ((pooled.score(posteriors, labels) >= pooled.threshold) != members).any()


def test_adversary_3_takes_its_threshold_from_random_inputs():
    answers = rows_of(np.linspace(0.2, 0.6, 101), [0] * 101, 10)
    for kind, values in (
        (Adversary3, answers.max(axis=1)),
        (Adversary3Deviation, answers.std(axis=1)),
        (Adversary3Entropy, -entropy(answers)),
    ):
        attack = kind().fit_random(answers, percent=10)
        np.testing.assert_allclose(attack.score(answers), values, rtol=1e-12)
        assert attack.threshold_from == "random inputs"
        assert (attack.score(answers) > attack.threshold).mean() <= 0.1 < (values >= np.sort(values)[-12]).mean()
        assert auc(attack.score(TARGET.posteriors), TARGET.members) == pytest.approx(AUC, abs=1e-12)
    with pytest.raises(SettingsError, match="percent"):
        Adversary3().fit_random(answers, percent=100)


# A class that the shadow lacks


def risks_by_hand(side, values, bins=5):
    """The risk of each of `values` by the histogram of all rows of a shadow, counted one by one."""
    known = modified_entropy(side.posteriors, side.labels)
    ordered = np.sort(known)
    edges = {ordered[int(np.ceil(len(known) * share / bins)) - 1] for share in range(1, bins)} - {ordered[-1]}
    risks = []
    for value in values:
        same = np.array([sum(v > e for e in edges) for v in known]) == sum(value > e for e in edges)
        rates = [((same & rows).sum() + 1) / (rows.sum() + len(edges) + 1) for rows in (side.members, ~side.members)]
        risks.append(rates[0] / sum(rates))
    return np.array(risks)


def sorted_by_hand(posteriors, labels):
    """Each row with the posterior of the true class in front and the others behind it, falling."""
    rows = zip(posteriors, labels, strict=True)
    return np.array([[row[label], *sorted(np.delete(row, label), reverse=True)] for row, label in rows])


def test_a_missing_class_is_judged_by_what_was_fitted_on_all():
    side, asked = without(SHADOW.labels == 7), TARGET.labels == 7
    posteriors, labels = TARGET.posteriors[asked], TARGET.labels[asked]
    pooled = fitted("true-confidence", side)
    on_all = Classifier().fit(sorted_by_hand(side.posteriors, side.labels), side.members)
    for name, expected in {
        "shokri": on_all.log_odds(sorted_by_hand(posteriors, labels)),
        "risk-score": risks_by_hand(side, modified_entropy(posteriors, labels)),
        "true-confidence-per-class": pooled.score(posteriors, labels) - pooled.threshold,
    }.items():
        with pytest.warns(MiaWarning, match="class 7: "):
            assert np.array_equal(fitted(name, side).score(posteriors, labels), expected), name


def test_what_other_classes_teach_holds_for_missing_ones():
    # Sure of its members whatever their class: without classes 2 and 7 the attack has to carry over what it saw.
    random = np.random.default_rng(0)
    labels, members = random.integers(0, 10, 4000), random.random(4000) < 0.5
    posteriors = softmax(random.normal(size=(4000, 10)) + np.eye(10)[labels] * (1 + 3 * members)[:, None])
    lacking, shadow = np.isin(labels, (2, 7)), np.arange(4000) < 2000
    made = Shokri().fit(*(array[shadow & ~lacking] for array in (posteriors, members, labels)))
    with pytest.warns(MiaWarning, match="classes 2, 7: ") as caught:
        scores = made.score(posteriors[~shadow], labels[~shadow])
    assert len(caught) == 1 and auc(scores[lacking[~shadow]], members[~shadow & lacking]) > 0.8


# Shokri


def test_shokri_has_a_model_for_each_class_on_the_whole_posterior():
    side, target = realistic(1), realistic(2)
    scores = fitted("shokri", side).score(target.posteriors, target.labels)
    for label in range(6):
        rows, mine = side.labels == label, target.labels == label
        model = Classifier().fit(side.posteriors[rows], side.members[rows])
        assert np.array_equal(scores[mine], model.log_odds(target.posteriors[mine]))


# Privacy risk score


def test_risk_is_a_calibrated_probability_and_follows_the_prior():
    side, target = realistic(1, rows=4000), realistic(2, rows=4000)
    risk = fitted("risk-score", side).score(target.posteriors, target.labels)
    assert ((risk > 0) & (risk < 1)).all() and len(np.unique(risk)) <= 6 * 5
    for low, high in ((0, 0.4), (0.4, 0.6), (0.6, 1)):
        rows = (risk >= low) & (risk < high)
        assert rows.sum() > 100 and target.members[rows].mean() == pytest.approx(risk[rows].mean(), abs=0.06)
    rarer = PrivacyRiskScore(prior=0.1).fit(side.posteriors, side.members, side.labels)
    rarer = rarer.score(target.posteriors, target.labels)
    np.testing.assert_allclose(rarer / (1 - rarer), risk / (1 - risk) / 9)


def test_few_examples_never_make_a_certain_risk():
    made = PrivacyRiskScore(bins=2).fit(FOUR, TWO_MEMBERS, np.zeros(4, int))
    assert made.score(FOUR, np.zeros(4, int)) == pytest.approx([3 / 4, 3 / 4, 1 / 4, 1 / 4])


@pytest.mark.parametrize("options", [{"bins": 1}, {"prior": 0}, {"prior": 1.0}])
def test_risk_score_settings_refused(options):
    with pytest.raises(SettingsError, match=next(iter(options))):
        PrivacyRiskScore(**options)

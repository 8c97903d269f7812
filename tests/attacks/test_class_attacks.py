"""Attacks by statistic, by class and without a shadow: values by hand, missing classes, equal rows equal scores."""

import warnings

import numpy as np
import pytest

from arrays import AUC, base, rows_of
from known import reported_cases
from mia_core.attacks.adversary1 import Adversary1, Adversary1Settings
from mia_core.attacks.adversary3 import Adversary3, Adversary3Deviation, Adversary3Entropy
from mia_core.attacks.classifier import Classifier
from mia_core.attacks.features import largest
from mia_core.attacks.risk_score import PrivacyRiskScore
from mia_core.attacks.shokri import Shokri, ShokriSettings
from mia_core.attacks.song_mittal import (
    Entropy,
    EntropyPerClass,
    ModifiedEntropy,
    ModifiedEntropyPerClass,
    TrueConfidence,
    TrueConfidencePerClass,
)
from mia_core.base.errors import ArrayError, MiaWarning, SettingsError
from mia_core.gate.npz import read_outputs
from mia_core.gate.outputs import check_outputs
from mia_core.gate.posteriors import entropy, modified_entropy
from mia_core.measures.metrics import auc, measure

SHADOW = check_outputs(**base("shadow"))
TARGET = check_outputs(**base("target"))
GLOBAL = [TrueConfidence, Entropy, ModifiedEntropy]
PER_CLASS = [TrueConfidencePerClass, EntropyPerClass, ModifiedEntropyPerClass]
EVERY = [
    *GLOBAL, *PER_CLASS, Shokri, lambda: Shokri(ShokriSettings(features="logs")),
    lambda: Shokri(ShokriSettings(classifier="network")),
    PrivacyRiskScore, Adversary3, Adversary3Deviation, Adversary3Entropy,
]  # fmt: skip
BY_CLASS = [*PER_CLASS, Shokri, PrivacyRiskScore]


def realistic(seed, rows=300, classes=6):
    """Posteriors of a fitted model, all different, members a little surer, classes unequally hard."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, rows)
    members = random.random(rows) < 0.5
    logits = random.normal(size=(rows, classes))
    logits[np.arange(rows), labels] += 1 + 2 * members + labels
    return check_outputs(logits=logits, members=members, labels=labels)


def fitted(attack, side=SHADOW):
    return attack().fit(side.posteriors, side.members, side.labels)


def without(side, rows):
    return check_outputs(posteriors=side.posteriors[~rows], members=side.members[~rows], labels=side.labels[~rows])


# Every attack


@pytest.mark.parametrize("attack", EVERY)
def test_equal_rows_get_equal_scores_wherever_they_stand(attack):
    side = realistic(1)
    made = fitted(attack, side)
    scores = made.score(side.posteriors, side.labels)
    assert scores.dtype == np.float64 and scores.shape == (300,) and np.isfinite(scores).all()
    order = np.random.default_rng(0).permutation(300)
    assert np.array_equal(made.score(side.posteriors[order], side.labels[order]), scores[order])
    for row in (0, 299):
        assert made.score(side.posteriors[row : row + 1], side.labels[row : row + 1])[0] == scores[row]
    again = attack().fit(side.posteriors[order], side.members[order], side.labels[order])
    assert again.threshold == made.threshold and np.array_equal(again.score(side.posteriors, side.labels), scores)


@pytest.mark.parametrize("attack", EVERY)
def test_hard_labels_give_finite_scores_without_a_word(attack):
    labels = np.arange(60) % 3
    posteriors = np.eye(3)[(labels + (np.arange(60) < 10)) % 3]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = attack().fit(posteriors, np.arange(60) % 2 == 0, labels).score(posteriors, labels)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("attack", [*GLOBAL, *BY_CLASS])
def test_an_attack_does_better_than_chance_on_another_model(attack):
    made, target = fitted(attack, realistic(1)), realistic(2)
    scores = made.score(target.posteriors, target.labels)
    assert auc(scores, target.members) > 0.52
    assert measure(scores, target.members, made.threshold)["balanced_accuracy"] > 0.52


# Song and Mittal


def test_statistics_and_global_thresholds():
    for attack, expected in (
        (TrueConfidence, TARGET.posteriors[np.arange(2000), TARGET.labels]),
        (Entropy, -entropy(TARGET.posteriors)),
        (ModifiedEntropy, -modified_entropy(TARGET.posteriors, TARGET.labels)),
    ):
        assert np.array_equal(fitted(attack).score(TARGET.posteriors, TARGET.labels), expected)
    assert auc(fitted(Entropy).score(TARGET.posteriors, None), TARGET.members) == pytest.approx(AUC, abs=1e-12)
    assert not Entropy.needs_labels and EntropyPerClass.needs_labels and TrueConfidence.needs_labels
    top = rows_of([0.9, 0.8, 0.7, 0.6], [0, 0, 0, 0], 3)
    made = TrueConfidence().fit(top, np.array([True, True, False, False]), np.zeros(4, int))
    assert made.threshold == 0.8


def test_a_class_is_judged_by_its_own_threshold():
    top = np.array([0.9, 0.8, 0.7, 0.6])
    posteriors = np.concatenate([rows_of(top, [0] * 4, 3), rows_of(top - 0.3, [1] * 4, 3)])
    labels, members = np.repeat([0, 1], 4), np.tile([True, True, False, False], 2)
    made = TrueConfidencePerClass().fit(posteriors, members, labels)
    scores = made.score(posteriors, labels)
    assert made.thresholds[:2] == pytest.approx([0.8, 0.5]) and made.threshold == 0
    assert ((scores >= made.threshold) == members).all()
    pooled = TrueConfidence().fit(posteriors, members, labels)
    assert ((pooled.score(posteriors, labels) >= pooled.threshold) != members).any()


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


# A class that the shadow lacks


@pytest.mark.parametrize("attack", BY_CLASS)
def test_a_class_missing_in_the_shadow_uses_the_pooled_attack_and_says_so_once(attack):
    for rows in ((SHADOW.labels == 7) & ~SHADOW.members, SHADOW.labels == 7):
        side = without(SHADOW, rows)
        made = fitted(attack, side)
        number = int((TARGET.labels == 7).sum())
        with pytest.warns(MiaWarning) as caught:
            scores = made.score(TARGET.posteriors, TARGET.labels)
        assert len(caught) == 1 and f"class 7: {number} rows are judged" in str(caught[0].message)
        assert scores.shape == (2000,) and np.isfinite(scores).all()
        seven = TARGET.labels == 7
        if attack is Shokri:
            expected = Classifier().fit(by_hand(side), side.members).log_odds(by_hand(TARGET)[seven])
        elif attack is PrivacyRiskScore:
            expected = risks_by_hand(side, modified_entropy(TARGET.posteriors, TARGET.labels)[seven])
        else:
            pooled = fitted(attack.__bases__[1], side)
            expected = pooled.score(TARGET.posteriors[seven], TARGET.labels[seven]) - pooled.threshold
        assert np.array_equal(scores[seven], expected)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            made.score(TARGET.posteriors[~seven], TARGET.labels[~seven])


def by_hand(side):
    """Each row with the posterior of the true class in front and the others behind it, falling."""
    rows = [
        [row[label], *sorted(np.delete(row, label), reverse=True)]
        for row, label in zip(side.posteriors, side.labels, strict=True)
    ]
    return np.array(rows)


def test_what_other_classes_teach_holds_for_a_missing_one():
    # Sure of its members whatever their class: without class 7 the attack has to carry over what it saw elsewhere.
    random = np.random.default_rng(0)
    labels, members = random.integers(0, 10, 4000), random.random(4000) < 0.5
    logits = random.normal(size=(4000, 10))
    logits[np.arange(4000), labels] += 1 + 3 * members
    posteriors = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    known, seven = labels[:2000] != 7, labels[2000:] == 7
    made = Shokri().fit(posteriors[:2000][known], members[:2000][known], labels[:2000][known])
    with pytest.warns(MiaWarning, match="class 7"):
        scores = made.score(posteriors[2000:], labels[2000:])
    assert auc(scores[seven], members[2000:][seven]) > 0.8


def test_several_missing_classes_share_one_warning():
    made = fitted(Shokri, without(SHADOW, np.isin(SHADOW.labels, (2, 7))))
    with pytest.warns(MiaWarning, match="classes 2, 7: ") as caught:
        made.score(TARGET.posteriors, TARGET.labels)
    assert len(caught) == 1


@pytest.mark.parametrize("attack", BY_CLASS)
def test_another_number_of_classes_is_refused(attack):
    with pytest.raises(ArrayError, match="found 3 classes; expected the 10 of the shadow"):
        fitted(attack).score(np.full((2, 3), 1 / 3), np.array([0, 1]))


@pytest.mark.parametrize("name", ["s_class7_without_non_members", "s_class7_absent"])
def test_reported_case_of_a_missing_class(shared, tmp_path, name):
    folder = reported_cases(shared, tmp_path, f"arrays/{name}", "arrays/base_target") / "arrays"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shadow, target = read_outputs(folder / f"{name}.npz"), read_outputs(folder / "base_target.npz")
    for attack in BY_CLASS:
        with pytest.warns(MiaWarning, match="class 7: ") as caught:
            scores = fitted(attack, shadow).score(target.posteriors, target.labels)
        assert len(caught) == 1 and scores.shape == (2000,) and np.isfinite(scores).all()
    scores = fitted(Entropy, shadow).score(target.posteriors, None)
    assert auc(scores, target.members) == pytest.approx(AUC, abs=1e-6)


# Shokri


def test_shokri_has_a_model_a_class_on_the_whole_posterior():
    side, target = realistic(1), realistic(2)
    scores = fitted(Shokri, side).score(target.posteriors, target.labels)
    for label in range(6):
        rows, mine = side.labels == label, target.labels == label
        model = Classifier().fit(side.posteriors[rows], side.members[rows])
        assert np.array_equal(scores[mine], model.log_odds(target.posteriors[mine]))


def test_several_shadows_are_stacked():
    first, second, target = realistic(1), realistic(3), realistic(2)
    both = [np.concatenate([getattr(s, name) for s in (first, second)]) for name in ("posteriors", "members", "labels")]
    scores = Shokri().fit(*both).score(target.posteriors, target.labels)
    single = fitted(Shokri, first).score(target.posteriors, target.labels)
    assert not np.array_equal(scores, single) and auc(scores, target.members) > 0.52


@pytest.mark.parametrize("kind", ["logistic", "network"])
def test_the_classifier_is_that_of_adversary_1(kind):
    side, target = realistic(1), realistic(2)
    attack = Adversary1(Adversary1Settings(classifier=kind)).fit(side.posteriors, side.members)
    mine = Classifier(kind).fit(largest(side.posteriors, 3), side.members)
    assert np.array_equal(mine.log_odds(largest(target.posteriors, 3)), attack.score(target.posteriors))


# Privacy risk score


def test_risk_is_a_calibrated_probability_and_follows_the_prior():
    side, target = realistic(1, rows=4000), realistic(2, rows=4000)
    risk = fitted(PrivacyRiskScore, side).score(target.posteriors, target.labels)
    assert ((risk > 0) & (risk < 1)).all() and len(np.unique(risk)) <= 6 * 5
    for low, high in ((0, 0.4), (0.4, 0.6), (0.6, 1)):
        rows = (risk >= low) & (risk < high)
        assert rows.sum() > 100 and target.members[rows].mean() == pytest.approx(risk[rows].mean(), abs=0.06)
    rarer = PrivacyRiskScore(prior=0.1).fit(side.posteriors, side.members, side.labels)
    rarer = rarer.score(target.posteriors, target.labels)
    np.testing.assert_allclose(rarer / (1 - rarer), risk / (1 - risk) / 9)


def test_few_examples_never_make_a_certain_risk():
    top = rows_of([0.9, 0.8, 0.4, 0.3], [0, 0, 0, 0], 3)
    made = PrivacyRiskScore(bins=2).fit(top, np.array([True, True, False, False]), np.zeros(4, int))
    assert made.score(top, np.zeros(4, int)) == pytest.approx([3 / 4, 3 / 4, 1 / 4, 1 / 4])


@pytest.mark.parametrize("options", [{"bins": 1}, {"prior": 0}, {"prior": 1.0}])
def test_risk_score_settings_refused(options):
    with pytest.raises(SettingsError, match=next(iter(options))):
        PrivacyRiskScore(**options)


# Adversary 3


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

"""What holds for every attack on one shadow, known by its record: equal rows get equal scores, members are found."""

import warnings

import numpy as np
import pytest

from arrays import AUC, base
from mia_core.attacks import ATTACKS, EVERY, AttackSettings, make_attack
from mia_core.base.errors import ArrayError, MiaWarning, SettingsError
from mia_core.gate.outputs import check_outputs
from mia_core.measures.metrics import auc, measure

OPTIONS = {
    "adversary1": [{"features": f, "classifier": c} for f in ("posteriors", "logs") for c in ("logistic", "network")],
    "shokri": [{}, {"features": "logs"}, {"classifier": "network"}],
}
CASES = [(name, options) for name in ATTACKS for options in OPTIONS.get(name, [{}])]
BY_CLASS = [name for name, record in ATTACKS.items() if record.by_class]
AREAS = {"gap": 0.7035} | dict.fromkeys(("loss", "modified-entropy", "true-confidence"), 0.847405)
"""Areas that are not that of the largest posterior, by counting."""
SHADOW, TARGET = (check_outputs(**base(side)) for side in ("shadow", "target"))


def realistic(seed, rows=300, classes=6):
    """Posteriors of a fitted model, all different, members a little surer, classes unequally hard."""
    random = np.random.default_rng(seed)
    labels, members = random.integers(0, classes, rows), random.random(rows) < 0.5
    logits = random.normal(size=(rows, classes))
    logits[np.arange(rows), labels] += 1 + 2 * members + labels
    return check_outputs(logits=logits, members=members, labels=labels)


def without(rows):
    """The shadow less the rows of a mask."""
    return check_outputs(**{name: getattr(SHADOW, name)[~rows] for name in ("posteriors", "members", "labels")})


def fitted(name, side=SHADOW, **options):
    return make_attack(name, AttackSettings(**options)).fit(side.posteriors, side.members, side.labels)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_equal_rows_get_equal_scores_wherever_they_stand_and_members_are_found(name, options):
    side, order = realistic(1), np.random.default_rng(0).permutation(300)
    attack = fitted(name, side, **options)
    scores = attack.score(side.posteriors, side.labels)
    assert scores.dtype == np.float64 and scores.shape == (300,) and np.isfinite(scores).all()
    assert np.array_equal(attack.score(side.posteriors[order], side.labels[order]), scores[order])
    for row in (0, 17, 299):
        assert attack.score(side.posteriors[[row]], side.labels[[row]])[0] == scores[row]
    twice = attack.score(np.tile(side.posteriors, (2, 1)), np.tile(side.labels, 2))
    assert np.array_equal(twice, np.tile(scores, 2))
    again = make_attack(name, AttackSettings(**options))
    again.fit(side.posteriors[order], side.members[order], side.labels[order])
    assert again.threshold == attack.threshold, "the order of the shadow's rows does not matter"
    assert np.array_equal(again.score(side.posteriors, side.labels), scores)
    target = realistic(2)
    values = measure(attack.score(target.posteriors, target.labels), target.members, attack.threshold)
    assert min(values["auc"], values["balanced_accuracy"]) > 0.52, "better than chance on another model"


@pytest.mark.parametrize(("name", "options"), CASES)
def test_hard_labels_give_finite_scores_without_a_word(name, options):
    labels = np.arange(60) % 3
    posteriors = np.eye(3)[(labels + (np.arange(60) < 10)) % 3]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        attack = make_attack(name, AttackSettings(**options)).fit(posteriors, np.arange(60) % 2 == 0, labels)
        assert np.isfinite(attack.score(posteriors, labels)).all()


@pytest.mark.parametrize("name", [name for name in ATTACKS if name not in BY_CLASS])
def test_known_area_on_counted_outputs(name):
    scores = fitted(name).score(TARGET.posteriors, TARGET.labels)
    assert auc(scores, TARGET.members) == pytest.approx(AREAS.get(name, AUC), abs=1e-12)


@pytest.mark.parametrize("name", list(ATTACKS))
def test_a_record_says_what_the_attack_needs(name):
    record = ATTACKS[name]
    assert record.compares and record.source
    target, labels = TARGET.posteriors[:50], TARGET.labels[:50]
    if not record.fit_needs_labels:
        attack = make_attack(name).fit(SHADOW.posteriors, SHADOW.members, None)
        attack.score(target, labels if record.needs_labels else None)
    if record.by_class:
        assert record.needs_labels and record.fit_needs_labels
        with pytest.raises(ArrayError, match="found 3 classes; expected the 10 of the shadow"):
            fitted(name).score(np.full((2, 3), 1 / 3), np.array([0, 1]))


@pytest.mark.parametrize("name", BY_CLASS)
def test_a_class_missing_in_the_shadow_is_judged_by_all_and_said_once(name):
    seven = SHADOW.labels == 7
    for gone in (seven & ~SHADOW.members, seven):
        attack, rows = fitted(name, without(gone)), TARGET.labels == 7
        with pytest.warns(MiaWarning) as caught:
            scores = attack.score(TARGET.posteriors, TARGET.labels)
        assert len(caught) == 1 and f"class 7: {rows.sum()} rows are judged" in str(caught[0].message)
        assert scores.shape == (2000,) and np.isfinite(scores).all()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            attack.score(TARGET.posteriors[~rows], TARGET.labels[~rows])


# Names and settings


def test_every_attack_has_one_name_in_all():
    assert AttackSettings(attacks="all").attacks == EVERY == AttackSettings(attacks=["all"]).attacks
    assert {ATTACKS[name] for name in EVERY} == set(ATTACKS.values()) and len(EVERY) < len(ATTACKS)
    assert AttackSettings(attacks="gap, loss").attacks == AttackSettings(attacks=["gap", "loss"]).attacks
    with pytest.raises(SettingsError, match="did you mean adversary1"):
        make_attack("Adversary1")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"attacks": "gapp"}, "unknown attack 'gapp'; did you mean gap"), ({"attacks": ""}, "unknown attack ''"),
        ({"attacks": ["gap", "gap"]}, "each attack once"), ({"attacks": "all,gap"}, "each attack once"),
        ({"attacks": []}, "one or more attacks"), ({"attacks": [3]}, "unknown attack 3"),
        ({"attack": "gap"}, "did you mean attacks"), ({"k": 0}, "k: "), ({"k": 2.5}, "whole number"),
        ({"features": "log"}, "'posteriors' or 'logs'"), ({"classifier": "forest"}, "classifier"),
        ({"direction": "target_to_target"}, "shadow_to_target"),
        ({"confidence": 95}, "confidence"), ({"replicates": -1}, "replicates"),
    ],
)  # fmt: skip
def test_settings_refused(values, words):
    with pytest.raises(SettingsError) as caught:
        AttackSettings(**values)
    assert words in str(caught.value) and "\n" not in str(caught.value)

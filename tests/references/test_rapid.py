"""RAPID: what it gains over either of its two terms, and what it may never look at."""

import numpy as np
import pytest

from mia_core.base.errors import ArrayError, SettingsError
from mia_core.data.splits import pairs
from mia_core.measures.metrics import auc
from mia_core.references import References
from mia_core.references.answers import Answers, View
from mia_core.references.calibrated_loss import difficulty_calibrated
from mia_core.references.rapid import Rapid, RapidSettings, calibration_terms, rapid

FAST = RapidSettings(units=(0, 8), folds=2)


def examples(seed, count=2000):
    """Loss, difficulty and members: easy examples have small losses everywhere, references err on some hard ones."""
    random = np.random.default_rng(seed)
    members = random.random(count) < 0.5
    difficulty = random.gamma(2.0, 1.0, count)
    wrong = random.random(count) < 0.3  # examples that references find hard and the target does not
    loss = np.where(wrong, 0.3, difficulty) * np.exp(0.3 * random.normal(size=count)) * np.where(members, 0.4, 1)
    return loss, difficulty, members


def models(signal=1.0, count=8, pool=600, seed=0):
    """log p_y [M, N] of imaginary models in complementary pairs, and their members."""
    random = np.random.default_rng([seed, 7])
    members = pairs(pool, count, seed).members
    hard = random.gamma(2.0, 1.0, pool)
    noise = np.exp(0.3 * random.normal(size=(count, pool)))
    return -hard * noise * np.where(members, np.exp(-signal), 1.0), members


def test_both_terms_together_beat_each_alone():
    shadow, (loss, difficulty, members) = examples(0, 1000), examples(1, 1000)
    scores = Rapid().fit(*shadow).score(loss, difficulty)
    assert auc(scores, members) > max(auc(-loss, members), auc(difficulty - loss, members)) + 0.02


def test_the_network_is_chosen_on_the_shadow():
    random = np.random.default_rng(0)
    members = np.arange(600) % 2 == 0
    # Members sit in a ring, which no line and no single unit can part from the middle.
    radius = np.where(members, 2.0, 0.5) + 0.2 * random.normal(size=600)
    angle = random.uniform(0, 2 * np.pi, 600)
    loss, calibrated = radius * np.cos(angle), radius * np.sin(angle)
    attack = Rapid(RapidSettings(units=(0, 32))).fit(loss, loss - calibrated, members)
    assert attack.units == 32
    assert Rapid(RapidSettings(units="0,32")).fit(-1.0 * members, np.ones(600), members).units == 0  # ties: the first
    assert Rapid(RapidSettings(units=(8, 0))).fit(*examples(0, 12)).units == 8, "a small shadow takes the first"


def test_larger_networks_are_tried_only_as_long_as_they_are_better(monkeypatch):
    tried, new = [], Rapid._new
    monkeypatch.setattr(Rapid, "_new", lambda self, units: tried.append(units) or new(self, units))
    members = np.arange(600) % 2 == 0
    attack = Rapid(RapidSettings(units=(0, 8, 16), folds=2)).fit(-1.0 * members, np.ones(600), members)
    assert attack.units == 0 and tried == [0, 0, 8, 8, 0]  # 8 units cannot beat a perfect line, so 16 are not tried


def test_the_choice_looks_at_so_many_examples_and_the_fit_at_all(monkeypatch):
    seen, shadow, new = [], examples(0, 3000), Rapid._new

    def counted(self, units):
        made = new(self, units)
        fit = made.fit
        made.fit = lambda features, members: (seen.append((len(members), members.mean())), fit(features, members))[1]
        return made

    monkeypatch.setattr(Rapid, "_new", counted)
    few = FAST.replace(choose_by=400)
    before = Rapid(few).fit(*shadow).score(*shadow[:2])
    assert sum(number for number, _ in seen[:4]) == 2 * 400 and seen[4][0] == 3000 and len(seen) == 5
    assert all(abs(share - shadow[2].mean()) < 0.01 for _, share in seen)
    order = np.random.default_rng(0).permutation(3000)
    assert np.array_equal(before, Rapid(few).fit(*(array[order] for array in shadow)).score(*shadow[:2]))


def test_few_on_one_side_stay_enough_to_choose_by():
    (loss, difficulty, _), members = examples(0, 3000), np.arange(3000) < 21
    attack = Rapid(RapidSettings(choose_by=40))
    drawn = attack._drawn(members, np.random.default_rng(0))
    assert len(set(drawn)) == 40 and members[drawn].sum() == 20
    assert np.isfinite(attack.fit(loss, difficulty, members).score(loss, difficulty)).all()


def view(statistics, members, target, asked=None):
    """A target among all other models but its partner."""
    count, pool = members.shape
    answers = Answers(np.zeros((count, 1, pool, 2)), np.zeros(pool, int), members, pool)
    answers.kept["log-likelihood"] = statistics[:, :, None]
    return View(answers, tuple(range(count)), target, target ^ 1, asked)


def test_target_and_shadow_have_the_same_references():
    statistics, members = models()
    before = rapid(view(statistics, members, 0), FAST)
    for row, changes in ((3, False), (4, True)):  # rows 2 and 3 are the shadow and its partner
        other = statistics.copy()
        other[row] -= np.linspace(0, 1, 600)
        assert np.array_equal(before, rapid(view(other, members, 0), FAST)) != changes


def test_without_a_signal_nothing_is_found():
    areas = []
    for seed in range(6):
        statistics, members = models(signal=0.0, seed=seed)
        areas.append(auc(rapid(view(statistics, members, 1), FAST), members[1]))
    assert abs(np.mean(areas) - 0.5) < 3 * np.std(areas, ddof=1) / 6**0.5 + 0.01


def test_terms_are_those_of_difficulty_calibration():
    statistics, members = models()
    references = References(statistics, members, 0, 1)
    loss, difficulty = calibration_terms(references)
    np.testing.assert_allclose(difficulty - loss, difficulty_calibrated(references))
    np.testing.assert_array_equal(loss, -statistics[0])
    queries = References(np.stack([statistics, 3 * statistics], axis=2), members, 0, 1)
    np.testing.assert_allclose(calibration_terms(queries), (2 * loss, 2 * difficulty))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"difficulty": np.zeros(3)}, "expected two arrays"),
        ({"loss": np.full(12, np.nan)}, "12 rows that are not finite, the first in row 0"),
        ({"members": np.ones(12, bool)}, "12 members; expected"),
        ({"members": np.ones(3, bool)}, r"expected \(12,\)"),
    ],
)
def test_bad_arrays_are_refused(change, words):
    loss, difficulty, members = examples(0, 12)
    with pytest.raises(ArrayError, match=words):
        Rapid(FAST).fit(**{"loss": loss, "difficulty": difficulty, "members": members} | change)


def test_too_few_models_and_bad_settings_are_refused():
    with pytest.raises(SettingsError, match="two references for it, found 2 references"):
        rapid(view(*models(count=4, pool=20), 0))
    for values in ({"units": []}, {"units": [-1]}, {"folds": 1}, {"choose_by": 39}):
        with pytest.raises(SettingsError):
            RapidSettings(**values)

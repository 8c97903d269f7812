"""Stored models asked about altered copies: the same answers twice, and nothing that a mask could hide."""

from dataclasses import replace

import numpy as np
import pytest

from mia_core.attacks.adversary3 import Adversary3
from mia_core.attacks.augmented_labels import AugmentedLabels
from mia_core.base.errors import ArrayError, RunError, SettingsError
from mia_core.defenses import combination
from mia_core.measures.metrics import auc
from mia_core.store.runs import Store
from mia_core.studies import augmented
from mia_core.studies.augmented import Copies, augmented_logits, copies, label_only_table, network_of, random_posteriors
from mia_core.studies.queries import QUERIES
from mia_core.studies.settings import StudySettings
from mia_core.studies.study import TARGET, Study
from small import RECIPE, tiny_dataset

SETTINGS = StudySettings(
    **{**RECIPE.model_dump(), "epochs": 2, "record": ()}, seeds=1, replicates=0, defenses="none,masking(k=1),dropout"
)
DATA = tiny_dataset(160)
EVERY = Copies(flip=True, noisy=2)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return Study(SETTINGS, Store(tmp_path_factory.mktemp("store")), DATA).train(jobs=1)


def test_copies_are_the_picture_its_shifts_its_mirror_image_and_noise():
    picture = np.arange(9, dtype=np.uint8).reshape(1, 1, 3, 3)
    made = list(copies(picture, EVERY))
    assert len(made) == EVERY.queries == 8 and made[0] is picture
    shifts = {copy.tobytes() for copy in made[1:5]}
    assert shifts == {QUERIES[name](picture).tobytes() for name in ("up", "left", "down", "right")}
    assert made[5][0, 0, 0].tolist() == [2, 1, 0]
    assert not np.array_equal(made[6], made[7]) and all(copy.dtype == np.uint8 for copy in made)
    assert len(list(copies(picture, Copies(shift=2, noisy=0)))) == Copies(shift=2, noisy=0).queries == 9


def test_noise_depends_on_the_seed_alone_and_stays_in_range():
    images = np.zeros((2, 1, 12, 12), np.uint8)
    images[1] = 255
    noisy = [list(copies(images, Copies(shift=0, noisy=1, noise=0.2, copy_seed=seed)))[1] for seed in (0, 0, 1)]
    assert np.array_equal(noisy[0], noisy[1]) and not np.array_equal(noisy[0], noisy[2])
    assert noisy[0][0].max() < 255 and noisy[0][1].min() > 0
    alone = list(copies(images[1:], Copies(shift=0, noisy=1, noise=0.2)))[1]
    assert np.array_equal(alone[0], noisy[0][1])


@pytest.mark.parametrize("defense", ["none", "dropout"])
def test_a_stored_model_answers_as_it_did_and_twice_the_same(study, defense):
    run = study.run(0, 0, combination(defense))
    logits = augmented_logits(run, DATA.images, EVERY)
    assert logits.shape == (160, 8, 3)
    np.testing.assert_allclose(logits[run.counted, 0], run.logits[run.counted], atol=1e-5)
    assert np.array_equal(logits, augmented_logits(run, DATA.images, EVERY))
    assert not network_of(run).training
    with pytest.raises(ArrayError, match=r"images: found float64 \(160, 1, 12, 12\); expected uint8"):
        augmented.ask(network_of(run), run, DATA.images / 255)
    assert not np.allclose(logits[:, 1], logits[:, 0])


def test_defenses_that_keep_the_predicted_class_change_nothing(study):
    table = label_only_table(study).set_index("defenses")
    none, masked = table.loc["none"], table.loc["masking(k=1)"]
    assert none.equals(masked) and (table["queries"] == Copies().queries).all()
    assert set(study.table().columns) == {"defenses", *table.columns}


def test_fewer_copies_are_the_first_of_more_and_cost_no_question(study, monkeypatch):
    asked, ask = [], augmented.ask
    monkeypatch.setattr(augmented, "ask", lambda *given: asked.append(1) or ask(*given))
    both = label_only_table(study, Copies(noisy=5), fewer=(2,))
    questions = len(asked)
    for made in (Copies(noisy=5), Copies(noisy=2)):
        alone = label_only_table(study, made).reset_index(drop=True)
        assert both[both["queries"] == made.queries].reset_index(drop=True).equals(alone)
    # Masking leaves the model as it is, so its combinations share the answers of others.
    models = len({d for d in study.combinations if not d or d[0].name != "masking"})
    assert questions == 2 * models * len(study.settings.seeds) * Copies(noisy=5).queries


def test_the_share_of_right_copies_with_the_shadows_threshold():
    right = np.array([[1, 1, 1, 1], [1, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]], dtype=float)
    attack = AugmentedLabels().fit(right, np.array([True, True, False, False]))
    assert attack.score(right).tolist() == [1, 0.75, 0.25, 0] and attack.threshold == 0.75


def test_the_target_is_judged_by_the_shadows_threshold(study, monkeypatch):
    # Members stand out on both sides, but all of the target's examples lie below the shadow's threshold of 1.
    targets = study.run(0, TARGET, ()).members

    def made_up(run, *_):
        inside = run.members[run.counted]
        right = np.where(inside, 2, 1) if np.array_equal(run.members, targets) else np.where(inside, 4, 3)
        return (np.arange(4) < right[:, None]).astype(float)

    monkeypatch.setattr(augmented, "_right", made_up)
    table = label_only_table(study)
    assert (table["auc"] == 1).all()
    assert (table["recall_members"] == 0).all() and (table["recall_non_members"] == 1).all()


def test_adversary_3_asks_the_target_about_random_pixels(study):
    run, seen = study.run(0, 0, ()), study.outputs(0, 0, ())
    answers = random_posteriors(run, count=200)
    assert answers.shape == (200, 3) and np.allclose(answers.sum(axis=1), 1)
    assert np.array_equal(answers, random_posteriors(run, count=200))
    assert not np.array_equal(answers, random_posteriors(run, count=200, seed=1))
    assert (random_posteriors(run, combination("masking(k=1)"), 20).max(axis=1) == 1).all()
    attack = Adversary3().fit_random(answers)
    assert attack.threshold_from == "random inputs" and 0 <= auc(attack.score(seen.posteriors), seen.members) <= 1
    assert (attack.score(answers) > attack.threshold).mean() <= 0.1


def test_what_cannot_be_asked_is_refused(study):
    run = study.run(0, 0, ())
    with pytest.raises(ArrayError, match=r"found \(1, 8, 8\) each; expected \(1, 12, 12\)"):
        augmented_logits(run, np.zeros((2, 1, 8, 8), np.uint8))
    with pytest.raises(ArrayError, match="expected uint8"):
        augmented_logits(run, np.zeros((2, 1, 12, 12)))
    with pytest.raises(RunError, match="no weights"):
        network_of(replace(run, weights={}))
    with pytest.raises(SettingsError, match="shift"):
        Copies(shift=-1)

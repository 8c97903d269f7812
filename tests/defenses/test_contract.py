"""What holds for every defense there is, also for one that was added as a file."""

from contextlib import suppress

import numpy as np
import pytest
import torch

from mia_core.attacks.yeom import Gap
from mia_core.base.errors import SettingsError
from mia_core.defenses import DEFENSES, apply_outputs, combination, describe, shaping
from mia_core.defenses.base import HOOKS, PLACES
from mia_core.model.job import Job
from mia_core.model.network import decayed
from mia_core.model.step import Step
from mia_core.model.train import train
from mia_core.store.faster import step_class
from small import RECIPE, tiny_dataset

EACH = pytest.mark.parametrize("kind", DEFENSES.values(), ids=DEFENSES)
OTHERS = (0.25, 2, 1, 0, False, "uniform", "quadratic", True, 20)  # values, one of which any setting takes
STAGES = {"model": ("several", "layers", "fit"), "training": ("several", *HOOKS[2:-1]), "output": HOOKS[-1:]}
DATA = tiny_dataset()


def posteriors(*shape, seed=0):
    return np.random.default_rng(seed).dirichlet(np.full(shape[-1], 0.3), size=shape[:-1])


def changed(kind, setting):
    """The defense with another value of this setting."""
    for value in OTHERS:
        with suppress(SettingsError):
            if (made := kind(**{setting: value})) != kind():
                return made
    pytest.fail(f"{setting}: none of {OTHERS} is allowed and not the default")


@EACH
def test_names_and_settings_are_read_as_they_are_written(kind):
    made = [kind(), *(changed(kind, setting) for setting in kind.model_fields)]
    for defense in made:
        assert combination(describe((defense,))) == combination(f"{defense}") == (defense,)
    assert len({describe((defense,)) for defense in made}) == len(made) and describe((kind(),)) == kind.name
    with pytest.raises(SettingsError, match=f"^defenses: {kind.name}: nonsense: unknown"):
        combination(f"{kind.name}(nonsense=1)")


@EACH
def test_it_acts_at_its_own_stage_alone(kind):
    defense = kind()
    hooks = {hook for hook in HOOKS if defense.has(hook)}
    assert hooks and hooks <= set(STAGES[kind.stage])
    assert defense.shapes_weights == (kind.stage != "output") == bool(shaping((defense,)))


@EACH
def test_it_gives_what_its_stage_asks_for(kind):
    defense, before = kind(), posteriors(3, 40, 6)
    copy = before.copy()
    for hook in (defense.targets, defense.outputs):
        after = hook(before)
        assert after.shape == before.shape and np.allclose(after.sum(-1), 1)
        assert np.array_equal(hook(before[1]), after[1])  # whatever axes lead
    assert (defense.outputs(before) >= 0).all() and np.array_equal(before, copy)
    for place, layer in defense.layers(torch.Generator().manual_seed(0), dict.fromkeys(PLACES, 8)).items():
        x = torch.rand(5, 8, 3, 3) if place.startswith("conv") else torch.rand(5, 8)
        assert place in PLACES and layer.train()(x).shape == x.shape


def job_of(*defenses, network="mlp"):
    """Of 20 members and 20 non-members; a defense may need examples that are neither."""
    rows = np.arange(64)
    return Job(rows < 20, rows < 40, RECIPE.replace(network=network, record=()), defenses, (0, 1))


@EACH
def test_a_strength_of_zero_is_no_defense_bit_for_bit_and_the_default_is_the_middle_one(kind):
    if not kind.strength:
        pytest.skip("it has no strength")
    weak, middle, strong = (kind(**{kind.strength: dose}) for dose in kind.doses)
    assert middle == kind() and weak.acts and strong.acts
    assert sorted(set(kind.doses)) in (list(kind.doses), list(kind.doses)[::-1])
    zero, before = kind(**{kind.strength: 0}), posteriors(5, 6)
    assert apply_outputs((zero,), before) is before
    plain, found = (list(train(DATA, job_of(*defenses)))[-1] for defenses in ((), (zero,)))
    assert np.array_equal(plain.logits, found.logits, equal_nan=True) and step_class((zero,)) is step_class()
    assert all(np.array_equal(plain.weights[name], found.weights[name]) for name in plain.weights)
    assert np.array_equal(plain.history["loss"], found.history["loss"])


@EACH
def test_a_recorded_epoch_is_the_run_that_stops_there(kind):
    if kind.stage == "output":
        pytest.skip("it shapes no weights")
    job = job_of(kind())
    longer = job._replace(recipe=RECIPE.replace(network="mlp", epochs=3, record=(2,)))
    first, (alone,) = next(iter(train(DATA, longer))), train(DATA, longer.stopped_at(2))
    assert first.epoch == alone.epoch == 2 and np.array_equal(first.logits, alone.logits, equal_nan=True)
    assert all(np.array_equal(first.weights[name], alone.weights[name]) for name in alone.weights)


@EACH
def test_initial_weights_and_the_order_of_examples_are_those_of_no_defense(kind):
    if kind.stage == "output" or kind().has("sample"):
        pytest.skip("it shapes no weights, or draws batches of its own")
    for network in ("cnn", "mlp"):
        plain, found = (watched(job_of(*defenses, network=network)) for defenses in ((), (kind(),)))
        if kind().has("fit") and len(plain) != len(found):
            pytest.skip("it trains other networks too")
        assert len(plain) == len(found) and all(map(torch.equal, plain, found))


def watched(job):
    """The initial weights of a training, without those of layers of defenses, and the batches of images."""
    seen = []

    class Watched(Step):
        def make_optimiser(self):
            seen.extend(weight.detach().clone() for weight in decayed(self.network.named_parameters())[0])
            return super().make_optimiser()

        def changed(self, images, targets):
            seen.append(images.clone())
            return super().changed(images, targets)

    list(train(DATA, job, Watched))
    return seen


@EACH
def test_a_promise_to_keep_the_predicted_class_is_kept(kind):
    made = [kind(), *(changed(kind, setting) for setting in kind.model_fields)]
    promised = [defense for defense in made if defense.keeps_prediction]
    if not promised:
        pytest.skip("it promises nothing")
    for classes in (2, 6, 12):
        before = posteriors(300, classes, seed=classes)
        for defense in promised:
            after = defense.outputs(before)
            assert (after.argmax(-1) == before.argmax(-1)).all(), describe((defense,))
            labels = np.arange(300) % classes
            same = [Gap().score(answers, labels).tolist() for answers in (before, after)]
            assert same[0] == same[1], "an attack that reads classes (`mia_core.measures.claims.READ_CLASSES`)"

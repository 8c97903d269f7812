"""What holds for every defense there is, also for one that was added as a file."""

from contextlib import suppress

import numpy as np
import pytest
import torch

from mia_core.attacks.yeom import Gap
from mia_core.base.errors import SettingsError
from mia_core.defenses import DEFENSES, combination, describe, shaping

EACH = pytest.mark.parametrize("kind", DEFENSES.values(), ids=DEFENSES)
OTHERS = (0.25, 2, 1, 0, False, "uniform")  # values, one of which any setting takes


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
    defense, values = kind(), posteriors(4, 6)
    acts = {
        "model": defense.layers(torch.Generator()) != {},
        "training": defense.targets(values) is not values,
        "output": defense.outputs(values) is not values,
    }
    assert [stage for stage, does in acts.items() if does] == [kind.stage]
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
    for place, layer in defense.layers(torch.Generator().manual_seed(0)).items():
        x = torch.rand(5, 8)
        assert place in ("input", "hidden") and layer.train()(x).shape == x.shape


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

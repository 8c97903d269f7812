"""Temperature: a published softmax, and what it hides (nothing)."""

import numpy as np
import pytest

from mia_core.attacks.song_mittal import TrueConfidence
from mia_core.defenses.temperature import Temperature
from mia_core.gate.posteriors import softmax

LOGITS = np.array([[2, 0.5, -1, 0], [0.1, 0.2, 0.3, 0.4], [-0.5, 1.5, 0, 3]])


def test_a_temperature_divides_the_logits() -> None:
    known = [0.484643, 0.228929, 0.108138, 0.178290]
    assert np.allclose(Temperature(added=1).outputs(softmax(LOGITS))[0], known, atol=1e-6)
    assert np.allclose(Temperature(added=6).outputs(softmax(LOGITS)), softmax(LOGITS / 7))


def test_it_can_be_undone() -> None:
    before = np.random.default_rng(0).dirichlet(np.full(10, 0.3), size=50)
    raised = Temperature(added=4).outputs(before) ** 5
    assert np.allclose(raised / raised.sum(axis=1, keepdims=True), before)


def test_it_fools_a_threshold_from_an_undefended_shadow_and_no_attacker_who_knows_of_it() -> None:
    sure = np.random.default_rng(0).uniform(0.6, 1, 2000)
    members, labels = sure > 0.8, np.zeros(2000, np.int64)
    plain = np.stack([sure, 1 - sure], axis=1)
    shadow, target = ((plain[:1000], members[:1000]), (plain[1000:], members[1000:]))
    hidden = Temperature(added=19)
    for fitted, found in ((lambda p: p, 0.5), (hidden.outputs, 1.0)):
        attack = TrueConfidence().fit(fitted(shadow[0]), shadow[1], labels[:1000])
        called = attack.score(hidden.outputs(target[0]), labels[1000:]) >= attack.threshold
        rates = [called[target[1]].mean(), 1 - called[~target[1]].mean()]
        assert np.mean(rates) == pytest.approx(found, abs=0.01)


def test_posteriors_that_become_equal_do_not_change_the_class() -> None:
    before = np.array([[0.5, np.nextafter(0.5, 1)]])
    after = Temperature(added=1000).outputs(before)
    assert after.argmax() == 1 and np.allclose(after, 0.5)

"""Temperature: a published softmax, and what it hides (nothing)."""

import numpy as np

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


def test_posteriors_that_become_equal_do_not_change_the_class() -> None:
    before = np.array([[0.5, np.nextafter(0.5, 1)]])
    after = Temperature(added=1000).outputs(before)
    assert after.argmax() == 1 and np.allclose(after, 0.5)

"""SELENA: who is kept from whom, and that no target has seen its own example."""

import numpy as np
import pytest
import torch

from mia_core.base.errors import SettingsError
from mia_core.defenses.selena import Selena, kept_from

CHOSEN = torch.tensor([[2, 1], [1, 0], [0, 2], [2, 1], [2, 0], [2, 0]])  # of 3 networks, for each of 6 examples


def test_networks_train_on_what_they_are_not_kept_from():
    kept = kept_from(CHOSEN, 3)
    assert [set((~one).nonzero().flatten().tolist()) for one in kept] == [{0, 3}, {2, 4, 5}, {1}]


class Made:
    """A fitting whose networks answer by what they are; it notes who trained on what."""

    labels = torch.zeros(6, dtype=torch.long)
    images = torch.arange(6.0)[:, None]
    targets = torch.eye(3)[labels]
    SAID = torch.tensor([[0.9, 0.05, 0.05], [0.2, 0.5, 0.3], [0.4, 0.4, 0.2]])

    def __init__(self):
        self.seen = {}

    def random(self, name):
        return torch.Generator().manual_seed(1)

    def network(self, part):
        return part

    def model(self):
        return 0

    def epochs(self, network, images, targets, part=0):
        self.seen[network] = (images[:, 0].long().tolist(), targets)
        yield {"loss": np.zeros(1)}

    def answers(self, network, images):
        return self.SAID[network - 1].log().expand(len(images), 3)


def test_the_last_model_learns_what_networks_say_that_never_saw_the_example():
    made = Made()
    model, _ = Selena(apart=2, networks=3).fit(made)
    rows, targets = made.seen.pop(0)
    assert model == 0 and rows == [0, 1, 2, 3, 4, 5] and set(made.seen) == {1, 2, 3}
    for row in rows:
        apart = [part for part, (trained, _) in made.seen.items() if row not in trained]
        assert len(apart) == 2 and torch.allclose(targets[row], made.SAID[np.array(apart) - 1].mean(0))
    means = [made.SAID[[a, b]].mean(0).tolist() for a, b in ((2, 1), (1, 0))]
    assert np.allclose(means, [[0.3, 0.45, 0.25], [0.55, 0.275, 0.175]])  # the published targets of examples 0 and 1


def test_some_network_has_to_train_on_an_example():
    with pytest.raises(SettingsError, match="apart: expected fewer than the 3 networks, found 3"):
        Selena(apart=3, networks=3)

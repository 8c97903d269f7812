"""One training: examples, recipe, defenses and seed of a model, which is all that it takes to train or to find it."""

from typing import NamedTuple

import numpy as np

from mia_core.defenses import Combination, describe, shaping
from mia_core.model.recipe import Recipe


class Job(NamedTuple):
    """What one model is trained on and how.

    members   bool [N], the examples that it trains on
    counted   bool [N], the examples on which it is judged
    recipe    resolved (see `mia_core.store.precision.resolve`)
    defenses  a combination; its output-stage defenses shape no weights
    seed      (seed of the study, index of the model)
    """

    members: np.ndarray
    counted: np.ndarray
    recipe: Recipe
    defenses: Combination
    seed: tuple[int, int]

    @property
    def label(self) -> str:
        """What the user calls the model, such as "dropout, seed 0, model 1"."""
        return f"{describe(shaping(self.defenses))}, seed {self.seed[0]}, model {self.seed[1]}"

    @property
    def seeds(self) -> tuple[int, int, int]:
        """Seeds of the initial weights, of the noise of the defenses' layers and of the order of examples."""
        return self.part_seeds(0)

    def part_seeds(self, part: int) -> tuple[int, int, int]:
        """The same for each network of a model of several, by its number; the first one has those of a single one."""
        weights, noise, order = self._sequence(*([part] if part else [])).generate_state(3, np.uint32)
        return int(weights), int(noise), int(order)

    def named_seed(self, name: str, part: int = 0) -> int:
        """A seed of its own for each name: what a defense draws changes nobody else's random numbers."""
        return int(self._sequence(part, *name.encode()).generate_state(1, np.uint32)[0])

    def _sequence(self, *spawned: int) -> np.random.SeedSequence:
        return np.random.SeedSequence(self.seed, spawn_key=spawned)

    def stopped_at(self, epoch: int) -> "Job":
        """The job whose run is what this one has reached after `epoch`, which is one of its recorded epochs."""
        return self._replace(recipe=self.recipe.stopped_at(epoch))

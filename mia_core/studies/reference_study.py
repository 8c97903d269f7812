"""A study with reference models: many models of each combination of defenses on halves of one pool, trained once.

Every model is the target once, and the others are its references. What attacks make of them is in
`mia_core.studies.reference_rows`.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mia_core.base.errors import DataError, RunError
from mia_core.data.canaries import choose_canaries, mislabel
from mia_core.data.dataset import Dataset
from mia_core.data.load import load_dataset
from mia_core.data.splits import Split, default_part, exactly_half, pairs, random_halves
from mia_core.defenses import Combination, apply_outputs, combination, describe, shaping
from mia_core.model.job import Job
from mia_core.model.recipe import Recipe
from mia_core.store.identity import identity
from mia_core.store.runs import Run, Store
from mia_core.store.trainings import train_all
from mia_core.studies.reference_settings import ReferenceSettings

DESIGNS = {"pairs": pairs, "random_halves": random_halves, "exactly_half": exactly_half}
POPULATION = 10_000


class ReferenceStudy:
    """The models of one `ReferenceSettings`, trained on demand and kept in a store.

    dataset     with the canaries' wrong labels
    split       rows [M, N] over the whole data set; counted are the pool and the population, for every model
    pool        row numbers [P] of the examples that half of the models train on, ascending
    population  row numbers [Z] of examples that no model trains on, ascending
    canaries    bool [N]

    >>> study = ReferenceStudy(ReferenceSettings(models=8, defenses="none,dropout")).train()
    """

    def __init__(self, settings: ReferenceSettings, store: Store | None = None, dataset: Dataset | None = None) -> None:
        """Raises `SettingsError` or `DataError` for a data set that cannot be loaded or is too small."""
        from mia_core.store.precision import resolve

        self.settings = settings
        self.store = store or Store()
        clean = dataset or load_dataset(settings)
        self.recipe = resolve(settings.only(Recipe), clean.images.shape[1:])
        self.combinations = [combination(word) for word in settings.defenses]
        for defenses in self.combinations:  # an output stage that does not fit the classes fails here, not after hours
            apply_outputs(defenses, np.full((1, len(clean.classes)), 1 / len(clean.classes)))
        self.pool, self.population = draw_pool(clean, settings)
        chosen = choose_canaries(self.pool, settings.canaries, settings.seed)
        self.dataset = mislabel(clean, chosen, settings.seed)
        self.canaries = np.isin(np.arange(len(clean.labels)), chosen)
        self.split = self._split()

    def train(self, jobs: int | None = None) -> "ReferenceStudy":
        """Train every model that the store lacks, `jobs` at a time (by default one a core), and return the study.

        Pair by pair, each pair under every combination before the next one begins: a study that was interrupted has
        as many models of one combination as of another. It goes on where it stopped. Raises `TrainingError`,
        `RunError`.
        """
        tasks = [self.job(model, defenses) for model, defenses in self.missing()]
        train_all(self.store, self.dataset, tasks, jobs)
        return self

    def missing(self) -> Iterator[tuple[int, Combination]]:
        """Models that are not in the store at every epoch to be recorded: (model, weight-shaping defenses)."""
        weights = {describe(shaping(defenses)): shaping(defenses) for defenses in self.combinations}
        for first in range(0, self.settings.models, 2):
            for defenses in weights.values():
                for model in (first, first + 1):
                    keys = [self._key(model, defenses, epoch) for epoch in self.epochs(defenses)]
                    if any(self.store.get(key) is None for key in keys):
                        yield model, defenses

    def epochs(self, defenses: Combination) -> list[int]:
        """The epochs at which a combination's outputs are stored, ascending.

        Only the undefended model has early ones: they are what every defense is compared with, a training that was
        simply stopped earlier.
        """
        return self._recorded(defenses).recorded_epochs()

    def partner(self, target: int) -> int | None:
        """The model to be left out together with a target: its complement in pairs, none in the other designs."""
        return target ^ 1 if self.settings.design == "pairs" else None

    def run(self, model: int, defenses: Combination, epoch: int | None = None) -> Run:
        """The stored run of a model at a recorded epoch, by default the last. Raises `RunError` where it is missing."""
        epoch = epoch or self.recipe.epochs
        run = self.store.get(self._key(model, defenses, epoch))
        if run is None:
            raise RunError(
                f"{self.store.root}: holds no run of {describe(shaping(defenses))}, seed {self.settings.seed}, model "
                f"{model}, epoch {epoch}; train the study first (recorded epochs: {self.epochs(defenses)})"
            )
        return run

    def queried(self, model: int, defenses: Combination, epoch: int | None = None) -> NDArray[np.float32]:
        """A model's logits for every example and every query of the settings, float32 [Q, N, K], in evaluation mode;
        not a number where it is asked as trained about an example outside pool and population."""
        from mia_core.studies.queries import query_copies

        return query_copies(self.store, self.run(model, defenses, epoch), self.dataset, self.settings.queries)

    def job(self, model: int, defenses: Combination) -> Job:
        """The training of one model of the study."""
        rows = self.split.members[model], self.split.counted[model]
        return Job(*rows, self._recorded(defenses), defenses, (self.settings.seed, model))

    def _split(self) -> Split:
        drawn = DESIGNS[self.settings.design](len(self.pool), self.settings.models, self.settings.seed)
        members = np.zeros((self.settings.models, len(self.dataset.labels)), bool)
        counted = np.zeros_like(members)
        members[:, self.pool] = drawn.members
        counted[:, np.concatenate([self.pool, self.population])] = True
        return Split(members, counted)

    def _recorded(self, defenses: Combination) -> Recipe:
        return self.recipe if not shaping(defenses) else self.recipe.replace(record=())

    def _key(self, model: int, defenses: Combination, epoch: int) -> dict:
        return identity(self.dataset, self.job(model, defenses)._replace(recipe=self.recipe.stopped_at(epoch)))


def draw_pool(dataset: Dataset, settings: ReferenceSettings) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row numbers of the pool, 2 * part, and of the population, disjoint and ascending, both drawn by the seed.

    The pool comes from the part of the data that may be trained on; the population from what is left of that, then
    from the held-out examples. A folder's rows are sorted by class, so the first ones would be no sample.
    Raises `DataError` where either does not fit.
    """
    part = default_part(dataset.pool) if settings.part is None else settings.part
    if part < 1 or 2 * part > dataset.pool:
        raise DataError(
            f"part: a pool of two halves of {max(part, 1):,} needs {2 * max(part, 1):,} examples, "
            f"found {dataset.pool:,}" + (f"; at most {dataset.pool // 2:,} a part" if dataset.pool >= 2 else "")
        )
    generator = np.random.default_rng(np.random.SeedSequence([settings.seed, *b"reference pool"]))
    order = generator.permutation(dataset.pool)
    held_out = generator.permutation(np.arange(dataset.pool, len(dataset.labels)))
    left = np.concatenate([order[2 * part :], held_out])
    wanted = min(POPULATION, len(left)) if settings.population is None else settings.population
    if wanted > len(left):
        raise DataError(
            f"population: asked for {wanted:,} examples beside the pool of {2 * part:,}, found {len(left):,}"
        )
    return np.sort(order[: 2 * part]), np.sort(left[:wanted])

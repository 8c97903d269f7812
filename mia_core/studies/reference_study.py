"""A study with reference models: many models of each combination of defenses on halves of one pool, trained once.

Every model is the target once, and the others are its references. What attacks make of them is in
`mia_core.studies.reference_rows`.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mia_core.base.errors import DataError, SettingsError
from mia_core.data.canaries import choose_canaries, mislabel
from mia_core.data.dataset import Dataset
from mia_core.data.splits import Split, default_part, exactly_half, pairs, random_halves
from mia_core.defenses import Combination, describe
from mia_core.model.job import Job
from mia_core.store.runs import Run, Store
from mia_core.studies.base import StudyOfModels
from mia_core.studies.settings import ReferenceSettings

DESIGNS = {"pairs": pairs, "random_halves": random_halves, "exactly_half": exactly_half}
POPULATION = 10_000


class ReferenceStudy(StudyOfModels):
    """The models of one `ReferenceSettings`, trained on demand and kept in a store.

    dataset     with the canaries' wrong labels
    split       rows [M, N] over the whole data set; counted are the pool and the population, for every model
    pool        row numbers [P] of the examples that half of the models train on, ascending
    population  row numbers [Z] of examples that no model trains on, ascending
    canaries    bool [N]
    paired      whether the models are complementary pairs

    Trained pair by pair, each pair under every combination before the next one begins: a study that was interrupted
    has as many models of one combination as of another.

    >>> study = ReferenceStudy(ReferenceSettings(models=8, defenses="none,dropout")).train()
    """

    settings: ReferenceSettings
    FIRST = (
        "dataset", "defenses", "epochs", "seed", "design", "attack", "examples", "target", "references", "queries",
        "precision",
    )  # fmt: skip

    def __init__(self, settings: ReferenceSettings, store: Store | None = None, dataset: Dataset | None = None) -> None:
        super().__init__(settings, store, dataset)
        # Early epochs of the undefended model are what every defense is compared with: a training that was simply
        # stopped earlier.
        self.only_last = frozenset(describe(defenses) for defenses in self.shapings() if defenses)
        self.paired = settings.design == "pairs"
        altered = [name for name in settings.queries if name != "plain"]
        if self.dataset.is_table and altered:
            raise SettingsError(f"queries: {altered[0]} needs images, found a table; expected plain")
        self.pool, self.population = draw_pool(self.dataset, settings)
        chosen = choose_canaries(self.pool, settings.canaries, settings.seed)
        self.dataset = mislabel(self.dataset, chosen, settings.seed)
        self.canaries = np.isin(np.arange(len(self.dataset.labels)), chosen)
        drawn = DESIGNS[settings.design](len(self.pool), settings.models, settings.seed)
        members = np.zeros((settings.models, len(self.dataset.labels)), bool)
        counted = np.zeros_like(members)
        members[:, self.pool] = drawn.members
        counted[:, np.concatenate([self.pool, self.population])] = True
        self.split = Split(members, counted)

    def models(self) -> Iterator[tuple[int, Combination]]:
        """(model, weight-shaping defenses), pair by pair."""
        for first in range(0, self.settings.models, 2):
            for defenses in self.shapings():
                yield first, defenses
                yield first + 1, defenses

    def job(self, model: int, defenses: Combination) -> Job:
        """The training of one model of the study."""
        rows = self.split.members[model], self.split.counted[model]
        return Job(*rows, self.recipe_for(defenses), defenses, (self.settings.seed, model))

    def partner(self, target: int) -> int | None:
        """The model to be left out together with a target: its complement in pairs, none in the other designs."""
        return target ^ 1 if self.paired else None

    def references(self, asked: int | None = None) -> int:
        """How many reference models an attack uses: as many as were `asked` for, by default all there are."""
        return asked or self.settings.models - (2 if self.paired else 1)

    def run(self, model: int, defenses: Combination, epoch: int | None = None) -> Run:
        """The stored run of a model at a recorded epoch, by default the last. Raises `RunError` where it is missing."""
        return self.run_of(self.job(model, defenses), epoch)

    def queried(self, model: int, defenses: Combination, epoch: int | None = None) -> NDArray[np.float32]:
        """A model's logits for every example and every query of the settings, float32 [Q, N, K], in evaluation mode;
        not a number where it is asked as trained about an example outside pool and population."""
        from mia_core.studies.queries import query_copies

        return query_copies(self.store, self.run(model, defenses, epoch), self.dataset, self.settings.queries)


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
            f"population: asked for {wanted:,} examples outside the pool of {2 * part:,}, found {len(left):,}"
        )
    return np.sort(order[: 2 * part]), np.sort(left[:wanted])

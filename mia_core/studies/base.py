"""What every kind of study is: models of combinations of defenses, trained on demand, found again in a store."""

from collections.abc import Collection, Iterator
from typing import Any, ClassVar, Self

import numpy as np

from mia_core.base.errors import RunError, SettingsError
from mia_core.data.dataset import Dataset
from mia_core.data.load import load_dataset
from mia_core.defenses import Combination, apply_outputs, combination, describe, shaping
from mia_core.model.job import Job
from mia_core.model.recipe import Recipe
from mia_core.store.identity import identity
from mia_core.store.runs import Run, Store
from mia_core.store.trainings import stored, train_all


class StudyOfModels:
    """The models of one group of settings. A subclass says which models there are and on what each trains.

    A model is named by the arguments of the subclass's `job`, such as (seed, model, defenses).

    recipe        of the settings, with "auto" resolved for this machine
    combinations  of defenses, in the order of the settings
    """

    FIRST: ClassVar[tuple[str, ...]]
    """The columns that a table of such a study begins with, in their order."""

    def __init__(
        self,
        settings: Any,
        store: Store | None = None,
        dataset: Dataset | None = None,
        only_last: Collection[str] = (),
    ) -> None:
        """
        settings   those of the data and of the recipe, and `defenses`
        dataset    in place of the one that the settings name
        only_last  combinations of which nothing is to be stored before the last epoch, as `describe` writes them: each
                   recorded epoch costs the outputs on the counted examples

        Raises `SettingsError` or `DataError` for a data set that cannot be loaded or is too small.
        """
        from mia_core.store.precision import resolve

        self.settings = settings
        self.store = store or Store()
        self.only_last = frozenset(only_last)
        self.dataset = dataset or load_dataset(settings)
        self.recipe = resolve(settings.only(Recipe), self.dataset.inputs.shape[1:])
        self.combinations = [combination(word) for word in settings.defenses]
        classes = len(self.dataset.classes)
        for defense in (part for defenses in self.combinations for part in defenses if self.dataset.is_table):
            if defense.of_images:
                raise SettingsError(f"defenses: {defense.name} changes pixels; {self.dataset.name} is a table")
        for defenses in self.combinations:  # an output stage that does not fit the classes fails here, not after hours
            apply_outputs(defenses, np.full((1, classes), 1 / classes))

    def models(self) -> Iterator[tuple[Any, ...]]:
        """All models of the study in the order in which they are trained, each by the arguments of `job`."""
        raise NotImplementedError

    def job(self, *model: Any) -> Job:
        """The training of one model."""
        raise NotImplementedError

    def train(self, jobs: int | None = None) -> Self:
        """Train every model that the store lacks, `jobs` at a time (by default one per core), and return the study.

        Each model uses the recipe's number of threads, so the results do not depend on `jobs`. Interrupted, it goes on
        where it stopped. Raises `TrainingError`, `RunError`.
        """
        train_all(self.store, self.dataset, [self.job(*model) for model in self.models()], jobs)
        return self

    def missing(self) -> Iterator[tuple[Any, ...]]:
        """Those of `models` that are not in the store at every epoch to be recorded."""
        for model in self.models():
            if not stored(self.store, self.dataset, self.job(*model)):
                yield model

    def shapings(self) -> list[Combination]:
        """What the combinations do to the weights, each once: several of them may share a model."""
        return list({describe(shaping(defenses)): shaping(defenses) for defenses in self.combinations}.values())

    def epochs(self, defenses: Combination) -> list[int]:
        """The epochs at which a combination's outputs are stored, ascending."""
        return self.recipe_for(defenses).recorded_epochs()

    def recipe_for(self, defenses: Combination) -> Recipe:
        """The recipe that a combination's models are trained by."""
        return self.recipe.replace(record=()) if describe(shaping(defenses)) in self.only_last else self.recipe

    def run_of(self, job: Job, epoch: int | None = None, first: str | None = None) -> Run:
        """The stored run of a training at a recorded epoch, by default the last.

        first  what to do first where there is none, for the message of the `RunError` that is raised then
        """
        epoch = epoch or self.recipe.epochs
        run = self.store.get(identity(self.dataset, job.stopped_at(epoch)))
        if run is None:
            first = first or f"train the study first (recorded epochs: {job.recipe.recorded_epochs()})"
            raise RunError(f"{self.store.root}: holds no run of {job.label}, epoch {epoch}; {first}")
        return run

    def row(
        self, defenses: Combination, seed: int, attack: str, epoch: int | None, measured: dict[str, Any], **said: Any
    ) -> dict[str, Any]:
        """One row of a table: which models were attacked and how, `measured`, and how it was done.

        epoch  by default the last; said: columns of one kind of study, such as queries
        """
        names = {"dataset": self.dataset.name, "defenses": describe(defenses), "seed": seed, "attack": attack}
        names |= {"epochs": epoch or self.recipe.epochs, **said, "precision": self.recipe.precision}
        return dict.fromkeys(self.FIRST) | measured | names

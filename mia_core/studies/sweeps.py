"""A sweep: one study over several values of a single knob of a defense, as one tidy table."""

from collections.abc import Collection
from typing import Self

import numpy as np
import pandas as pd

from mia_core.base.errors import SettingsError
from mia_core.base.messages import nearest
from mia_core.data.dataset import Dataset
from mia_core.defenses import DEFENSES, Combination, combination, describe
from mia_core.gate.arrays import Outputs
from mia_core.store.runs import Store
from mia_core.studies.settings import StudySettings
from mia_core.studies.study import TARGET, Study, over_the_seeds

FEW_SEEDS = 3
"""Seeds of a sweep whose values each need trainings of their own: enough for an interval, and affordable."""


class Sweep:
    """A defense at several values of one of its settings, all else equal.

    >>> sweep = Sweep(settings, "smoothing", "epsilon", (0, 0.1, 0.3), off=0).train()
    >>> table = sweep.table()
    """

    def __init__(
        self,
        settings: StudySettings,
        defense: str,
        knob: str,
        values: Collection[float],
        *,
        off: float | None = None,
        seeds: int | None = FEW_SEEDS,
        store: Store | None = None,
        dataset: Dataset | None = None,
    ) -> None:
        """
        settings  of the study; its `defenses` do not matter, and there is no bootstrap over examples
        defense   a name from `DEFENSES`, and `knob` one of its settings
        values    what the knob is set to, at least two, each once
        off       the value at which the defense does nothing: the undefended model stands for it
        seeds     how many of the study's seeds are used, the first ones; None for all

        Raises `SettingsError` for anything else.
        """
        if defense not in DEFENSES:
            raise SettingsError(f"sweep: unknown defense {defense}; {nearest(defense, list(DEFENSES))}")
        if len(values) < 2 or len(set(values)) < len(values):
            raise SettingsError(f"sweep: {knob}: expected at least two values, each once, found {list(values)}")
        if seeds is not None and seeds < 1:
            raise SettingsError(f"sweep: seeds: expected at least 1, found {seeds}")
        self.knob, self.off = knob, off
        self.steps: dict[float, Combination] = {
            value: () if value == off else combination(DEFENSES[defense](**{knob: value})) for value in sorted(values)
        }
        names = [describe(defenses) for defenses in self.steps.values()]
        of_sweep = settings.replace(defenses=names, seeds=settings.seeds[:seeds], replicates=0)
        # Nothing is asked before the last epoch of models that only a sweep trains; others are a whole study's too.
        own = [name for name in names if name not in ("none", defense)]
        self.study = Study(of_sweep, store, dataset, only_last=own)
        self._tables: dict[int | None, pd.DataFrame] = {}

    def train(self, jobs: int | None = None) -> Self:
        """Train what the store lacks, see `mia_core.studies.study.Study.train`, and return the sweep."""
        self.study.train(jobs)
        return self

    def name(self, value: float) -> str:
        """The combination of defenses at one value of the knob, as tables write it."""
        return describe(self.steps[value])

    def table(self, epoch: int | None = None) -> pd.DataFrame:
        """The study's table (see `mia_core.studies.study.Study.table`) with the knob's `value` as first column.

        Earlier epochs are stored of the undefended model and of the defense at its default settings only.
        """
        if epoch not in self._tables:  # attacks are fitted once, however many figures ask
            self._tables[epoch] = self._with_values(self.study.table(epoch))
        return self._tables[epoch].copy()

    def summary(self, confidence: float = 0.95) -> pd.DataFrame:
        """Means and intervals over seeds (see `mia_core.studies.study.over_the_seeds`), `value` first, one row per
        value and attack."""
        return self._with_values(over_the_seeds(self.table(), confidence))

    def outputs(self, value: float, model: int = TARGET, seed: int | None = None) -> Outputs:
        """What is seen of a model at one value of the knob, by default of the first seed's target."""
        return self.study.outputs(self.study.settings.seeds[0] if seed is None else seed, model, self.steps[value])

    def _with_values(self, table: pd.DataFrame) -> pd.DataFrame:
        by_name = {self.name(value): value for value in self.steps}
        table.insert(0, "value", table["defenses"].map(by_name))
        return table


def counts_up_to(last: int, most: int = 10) -> list[int]:
    """Whole numbers from 1 to `last`: all of them, or about `most` at equal ratios where there are more.

    Raises `SettingsError` unless both are at least 2.
    """
    if last < 2 or most < 2:
        raise SettingsError(f"counts: expected a last number and a length of at least 2, found {last} and {most}")
    if last <= most:
        return list(range(1, last + 1))
    return sorted({int(number) for number in np.rint(np.geomspace(1, last, most))})

"""ML-Leaks' adversary 2: the shadow has other data, or another architecture, than the target that it stands for.

Salem et al. 2019, "ML-Leaks: Model and Data Independent Membership Inference Attacks and Defenses on Machine Learning
Models". What carries over from one model to another is how sure members are predicted, not of what: the attack reads
sorted posteriors only, and no more of them than either model has classes.
"""

import numpy as np
import pandas as pd

from mia_core.attacks import ATTACKS
from mia_core.base.errors import SettingsError
from mia_core.data.dataset import Dataset
from mia_core.defenses import describe
from mia_core.store.runs import Store
from mia_core.store.trainings import train_all
from mia_core.studies.settings import StudySettings
from mia_core.studies.study import SHADOW, TARGET, Study


class Transfer:
    """Attacks on the targets of one study with the shadows of another.

    >>> transfer = Transfer(StudySettings(dataset="cifar10"), StudySettings(dataset="digits", network="mlp"))
    >>> table = transfer.train().table()

    target   settings of the attacked models; its attacks, their settings and the seeds count
    shadow   settings of the shadow models; the same seeds. Of its defenses either one combination, for all targets,
             or as many as the target has, taken in pairs: what the attacker assumes of the target
    stores   where runs are kept and found; datasets: in place of those that the settings name
    Raises `SettingsError` where seeds, defenses or attacks do not go together, where the target's direction is not
    "shadow_to_target", or where a shadow would share examples with a target.
    """

    def __init__(
        self,
        target: StudySettings,
        shadow: StudySettings,
        stores: tuple[Store | None, Store | None] = (None, None),
        datasets: tuple[Dataset | None, Dataset | None] = (None, None),
    ) -> None:
        if target.seeds != shadow.seeds:
            raise SettingsError(f"seeds: expected the same for target and shadow, found {target.seeds}, {shadow.seeds}")
        if target.direction != "shadow_to_target":
            raise SettingsError("direction: expected shadow_to_target for a shadow of another kind")
        if len(shadow.defenses) not in (1, len(target.defenses)):
            raise SettingsError(
                f"defenses: expected one combination for the shadow or the target's {len(target.defenses)}, "
                f"found {len(shadow.defenses)}"
            )
        self.target = Study(target, stores[0], datasets[0])
        self.shadow = Study(shadow, stores[1], datasets[1])
        self.k = min(target.k, *(len(study.dataset.classes) for study in (self.target, self.shadow)))
        self.target.settings = target.replace(k=self.k)
        self._check_attacks()
        self._check_disjoint()

    def train(self, jobs: int | None = None) -> "Transfer":
        """Train what the stores lack, the targets of one study and the shadows of the other, and return this."""
        for study, model in ((self.target, TARGET), (self.shadow, SHADOW)):
            tasks = [study.job(*named) for named in study.models() if named[1] == model]
            train_all(study.store, study.dataset, tasks, jobs)
        return self

    def table(self, epoch: int | None = None) -> pd.DataFrame:
        """The tidy table, one row per seed, combination of the target and attack: the columns of a study's table, those
        of the target, and shadow_dataset, shadow_network, shadow_defenses, k (see
        `mia_core.studies.columns.TRANSFER_COLUMNS`).

        epoch  of the target, by default its last; the shadow is always at its last
        Raises `RunError` before training.
        """
        assumed = self.shadow.combinations
        if len(assumed) == 1:
            assumed = assumed * len(self.target.combinations)
        of_shadow = {"shadow_dataset": self.shadow.dataset.name, "shadow_network": self.shadow.recipe.network}
        rows = []
        for seed in self.target.settings.seeds:
            for defenses, other in zip(self.target.combinations, assumed, strict=True):
                target = self.target.outputs(seed, TARGET, defenses, epoch)
                shadow = self.shadow.outputs(seed, SHADOW, other)
                said = of_shadow | {"shadow_defenses": describe(other), "k": self.k}
                rows += [row | said for row in self.target.rows(seed, defenses, target, shadow, epoch)]
        return pd.DataFrame(rows)

    def _check_attacks(self) -> None:
        names = [study.dataset.classes for study in (self.target, self.shadow)]
        for attack in self.target.settings.attacks:
            if names[0] != names[1] and ATTACKS[attack].by_class:
                raise SettingsError(
                    f"attacks: {attack} judges each class by itself; expected attacks that do not, "
                    f"as {self.shadow.dataset.name} and {self.target.dataset.name} have different classes"
                )

    def _check_disjoint(self) -> None:
        if self.target.dataset.fingerprint != self.shadow.dataset.fingerprint:
            return
        for seed in self.target.settings.seeds:
            shared = self.target.splits[seed].counted[TARGET] & self.shadow.splits[seed].counted[SHADOW]
            if np.any(shared):
                raise SettingsError(
                    f"part: {int(shared.sum())} examples of seed {seed} belong to target and shadow; "
                    "on the same data expected the same part for both"
                )

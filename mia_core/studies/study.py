"""A study: defenses x seeds x attacks, as one tidy table. Trains what is missing in parallel, then only evaluates."""

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from mia_core.attacks import Attack, AttackSettings, make_attack
from mia_core.data.dataset import Dataset
from mia_core.data.splits import four_way
from mia_core.defenses import Combination, describe, seen
from mia_core.gate.arrays import Outputs
from mia_core.measures.counts import mean_over
from mia_core.measures.examples import over_examples
from mia_core.measures.metrics import LEVELS, level_column, low_fpr, measure
from mia_core.measures.ranking import tie_blocks
from mia_core.model.job import Job
from mia_core.store.runs import Run, Store
from mia_core.studies.base import StudyOfModels
from mia_core.studies.settings import StudySettings

if TYPE_CHECKING:
    import pandas as pd

TARGET, SHADOW = 0, 1
MODEL_MEASURES = ("target_train_accuracy", "target_accuracy", "generalisation_gap", "shadow_accuracy")
ATTACK_MEASURES = (
    "attack_accuracy",
    "balanced_accuracy",
    "recall_members",
    "recall_non_members",
    "auc",
    *(level_column(level) for level in LEVELS),
)


class Study(StudyOfModels):
    """The models and outputs of one `StudySettings`: a target and a shadow for each seed and combination of defenses.

    splits  seed -> who trains on what and is judged on what, see `mia_core.data.splits.four_way`

    >>> study = Study(StudySettings(dataset="digits", seeds=2)).train()
    >>> table = study.table()
    """

    settings: StudySettings
    FIRST = ("dataset", "defenses", "seed", "attack")

    def __init__(
        self,
        settings: StudySettings,
        store: Store | None = None,
        dataset: Dataset | None = None,
        only_last: Collection[str] = (),
    ) -> None:
        super().__init__(settings, store, dataset, only_last)
        examples = len(self.dataset.labels)
        self.splits = {seed: four_way(self.dataset.pool, settings.part, seed, examples) for seed in settings.seeds}

    def models(self) -> Iterator[tuple[int, int, Combination]]:
        """(seed, model, weight-shaping defenses), seed by seed."""
        for seed in self.settings.seeds:
            for defenses in self.shapings():
                yield seed, TARGET, defenses
                yield seed, SHADOW, defenses

    def job(self, seed: int, model: int, defenses: Combination) -> Job:
        """The training of a target (model 0) or shadow (model 1)."""
        split = self.splits[seed]
        return Job(split.members[model], split.counted[model], self.recipe_for(defenses), defenses, (seed, model))

    def run(self, seed: int, model: int, defenses: Combination, epoch: int | None = None) -> Run:
        """The stored run of a target (model 0) or shadow (model 1) at a recorded epoch, by default the last.

        Raises `RunError` where it has not been trained yet.
        """
        return self.run_of(self.job(seed, model, defenses), epoch)

    def outputs(self, seed: int, model: int, defenses: Combination, epoch: int | None = None) -> Outputs:
        """What anyone outside sees of a model on its counted examples: posteriors after the output-stage defenses."""
        return outputs_of(self.run(seed, model, defenses, epoch), defenses)

    def table(self, epoch: int | None = None) -> "pd.DataFrame":
        """The tidy table: one row per seed, combination and attack, in this order, with the columns of
        `mia_core.studies.columns.COLUMNS`. Raises `RunError` before training.

        epoch  at which targets and shadows are asked, a recorded one; by default the last
        """
        import pandas as pd

        return pd.DataFrame(
            row
            for seed in self.settings.seeds
            for defenses in self.combinations
            for row in self.rows(
                seed, defenses, *(self.outputs(seed, model, defenses, epoch) for model in (TARGET, SHADOW)), epoch
            )
        )

    def rows(
        self,
        seed: int,
        defenses: Combination,
        target: Outputs,
        shadow: Outputs,
        epoch: int | None = None,
        pooled: Outputs | None = None,
        shadow_models: int = 1,
    ) -> Iterator[dict[str, Any]]:
        """The rows of one target: one per attack of the settings, fitted on `shadow`.

        pooled  what the attacks are fitted on instead, of several `shadow_models`, the first of which is `shadow`
        """
        models = accuracies(target, shadow)
        for name in self.settings.attacks:
            measured = models | evaluate(name, target, pooled or shadow, self.settings)
            yield self.row(defenses, seed, name, epoch, measured, shadow_models=shadow_models, queries=1)


def evaluate(name: str, target: Outputs, shadow: Outputs, settings: AttackSettings) -> dict[str, Any]:
    """All measures of one attack by name, with intervals over examples: the attack columns of a study's row.

    With direction "target_to_shadow" the roles are exchanged: fitted on the target, measured on the shadow.
    """
    if settings.direction == "target_to_shadow":
        target, shadow = shadow, target
    attack: Attack = make_attack(name, settings).fit(shadow.posteriors, shadow.members, shadow.labels)
    return attack_columns(attack.score(target.posteriors, target.labels), target.members, attack.threshold, settings)


def attack_columns(
    scores: np.ndarray, members: np.ndarray, threshold: float, settings: AttackSettings
) -> dict[str, Any]:
    """All measures of scores [N] against members [N], with intervals over examples: the attack columns of a row."""
    values: dict[str, Any] = measure(scores, members, threshold)
    blocks = tie_blocks(scores, members)
    for level in LEVELS:
        found = low_fpr(blocks, level)
        values |= {f"fpr_at_{level:g}": found.fpr, f"false_positives_at_{level:g}": found.false_positives}
    values |= {"members": int(members.sum()), "non_members": int((~members).sum())}
    if settings.replicates:
        repeats = {"replicates": settings.replicates, "confidence": settings.confidence, "seed": settings.attack_seed}
        spread = over_examples(blocks, threshold, **repeats)
        for measured, bounds in spread.items():
            values[f"{measured}_low"], values[f"{measured}_high"] = bounds or (None, None)
    return values


def accuracies(target: Outputs, shadow: Outputs) -> dict[str, float]:
    """How well the models of a row classify: `MODEL_MEASURES`.

    Both are judged by what they say behind their output-stage defenses, as a user and an attacker meet them.
    """

    def accuracy(outputs: Outputs, rows: np.ndarray) -> float:
        return float((outputs.posteriors[rows].argmax(axis=1) == outputs.labels[rows]).mean())

    train, test = accuracy(target, target.members), accuracy(target, ~target.members)
    found = train, test, train - test, accuracy(shadow, ~shadow.members)
    return dict(zip(MODEL_MEASURES, found, strict=True))


def over_the_seeds(table: "pd.DataFrame", confidence: float = 0.95) -> "pd.DataFrame":
    """Mean and interval over seeds of every measure, one row per data set, combination and attack.

    Columns: dataset, defenses, attack, seeds (their number), and measure, measure_low, measure_high for each measure;
    bounds are missing where `mia_core.measures.intervals.over_seeds` gives none, as for a single seed, and a measure is
    missing where it was not measurable for some seed.
    """
    import pandas as pd

    by = ["dataset", "defenses", "attack"]
    rows = []
    for names, group in table.groupby(by, sort=False):
        row: dict[str, Any] = dict(zip(by, names, strict=True)) | {"seeds": len(group)}
        for name in (*MODEL_MEASURES, *ATTACK_MEASURES):
            row |= mean_columns(group, name, confidence)
        rows.append(row)
    return pd.DataFrame(rows)


def mean_columns(rows: "pd.DataFrame", name: str, confidence: float) -> dict[str, float | None]:
    """A measure's mean over rows and its interval as columns name, name_low, name_high; None where a value is missing.

    The interval of few values can leave the range that the measure has, and is cut to it.
    """
    columns = (name, f"{name}_low", f"{name}_high")
    if rows[name].isna().any():
        return dict.fromkeys(columns)
    found = mean_over(rows, name, confidence).cut(-1.0 if name == "generalisation_gap" else 0.0)
    return dict(zip(columns, (found.mean, found.low, found.high), strict=True))


def outputs_of(run: Run, defenses: Combination) -> Outputs:
    """What anyone outside sees of a run's counted examples: posteriors after the output-stage defenses."""
    rows = run.counted
    return Outputs(seen(defenses, run.logits[rows]), run.members[rows], run.labels[rows], None, describe(defenses))

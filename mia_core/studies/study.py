"""A study: defenses x seeds x attacks, as one tidy table. Trains what is missing in parallel, then only evaluates."""

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from mia_core.attacks import Attack, AttackSettings, make_attack
from mia_core.base.errors import RunError
from mia_core.data.dataset import Dataset
from mia_core.data.load import load_dataset
from mia_core.data.splits import four_way
from mia_core.defenses import Combination, apply_outputs, combination, describe, shaping
from mia_core.gate.arrays import Outputs
from mia_core.gate.posteriors import softmax
from mia_core.measures.intervals import bootstrap, over_seeds
from mia_core.measures.metrics import LEVELS, level_column, low_fpr, measure
from mia_core.measures.ranking import tie_blocks
from mia_core.model.job import Job
from mia_core.model.recipe import Recipe
from mia_core.store.identity import identity
from mia_core.store.runs import Run, Store
from mia_core.store.trainings import train_all
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


class Study:
    """The models and outputs of one `StudySettings`, trained on demand and kept in a store.

    >>> study = Study(StudySettings(dataset="digits", seeds=2)).train()
    >>> table = study.table()
    """

    def __init__(
        self,
        settings: StudySettings,
        store: Store | None = None,
        dataset: Dataset | None = None,
        only_last: Collection[str] = (),
    ) -> None:
        """
        only_last  combinations of which nothing is to be stored before the last epoch, as `describe` writes them: each
                   recorded epoch costs the outputs on the counted examples

        Raises `SettingsError` or `DataError` for a data set that cannot be loaded or is too small.
        """
        from mia_core.store.precision import resolve

        self.settings = settings
        self.only_last = frozenset(only_last)
        self.store = store or Store()
        self.dataset = dataset or load_dataset(settings)
        self.recipe = resolve(settings.only(Recipe), self.dataset.images.shape[1:])
        self.combinations = [combination(word) for word in settings.defenses]
        for defenses in self.combinations:  # an output stage that does not fit the classes fails here, not after hours
            apply_outputs(defenses, np.full((1, len(self.dataset.classes)), 1 / len(self.dataset.classes)))
        examples = len(self.dataset.labels)
        self.splits = {seed: four_way(self.dataset.pool, settings.part, seed, examples) for seed in settings.seeds}

    def train(self, jobs: int | None = None) -> "Study":
        """Train every model that the store lacks, `jobs` at a time (by default one a core), and return the study.

        Each model uses the recipe's number of threads, so the results do not depend on `jobs`. Interrupted, it goes on
        where it stopped. Raises `TrainingError`, `RunError`.
        """
        tasks = [self.job(*missing) for missing in self.missing()]
        train_all(self.store, self.dataset, tasks, jobs)
        return self

    def missing(self) -> Iterator[tuple[int, int, Combination]]:
        """Models that are not in the store at every recorded epoch: (seed, model, weight-shaping defenses)."""
        weights = {describe(shaping(defenses)): shaping(defenses) for defenses in self.combinations}
        for seed in self.settings.seeds:
            for defenses in weights.values():
                for model in (TARGET, SHADOW):
                    keys = [self._key(seed, model, defenses, epoch) for epoch in self.epochs(defenses)]
                    if any(self.store.get(key) is None for key in keys):
                        yield seed, model, defenses

    def epochs(self, defenses: Combination) -> list[int]:
        """The epochs at which a combination's outputs are stored, ascending."""
        return self._recorded(defenses).recorded_epochs()

    def run(self, seed: int, model: int, defenses: Combination, epoch: int | None = None) -> Run:
        """The stored run of a target (model 0) or shadow (model 1) at a recorded epoch, by default the last.

        Raises `RunError` where it has not been trained yet.
        """
        epoch = epoch or self.recipe.epochs
        run = self.store.get(self._key(seed, model, defenses, epoch))
        if run is None:
            raise RunError(
                f"{self.store.root}: holds no run of {describe(shaping(defenses))}, seed {seed}, model {model}, epoch "
                f"{epoch}; train the study first (recorded epochs: {self.epochs(defenses)})"
            )
        return run

    def outputs(self, seed: int, model: int, defenses: Combination, epoch: int | None = None) -> Outputs:
        """What anyone outside sees of a model on its counted examples: posteriors after the output-stage defenses."""
        return seen(self.run(seed, model, defenses, epoch), defenses)

    def rows(self, epoch: int | None = None) -> Iterator[dict[str, Any]]:
        """One row of the table a seed, combination and attack, in this order."""
        for seed in self.settings.seeds:
            for defenses in self.combinations:
                outputs = [self.outputs(seed, model, defenses, epoch) for model in (TARGET, SHADOW)]
                about = about_models(self.dataset.name, defenses, seed, *outputs)
                for name in self.settings.attacks:
                    yield (
                        about
                        | {"attack": name}
                        | evaluate(name, *outputs, self.settings)
                        | {
                            "epochs": epoch or self.recipe.epochs,
                            "shadow_models": 1,
                            "queries": 1,
                            "precision": self.recipe.precision,
                        }
                    )

    def table(self, epoch: int | None = None) -> "pd.DataFrame":
        """The tidy table of `rows`: one row a seed, combination and attack. Raises `RunError` before training."""
        import pandas as pd

        return pd.DataFrame(list(self.rows(epoch)))

    def job(self, seed: int, model: int, defenses: Combination) -> Job:
        """The training of one model of the study."""
        split = self.splits[seed]
        return Job(split.members[model], split.counted[model], self._recorded(defenses), defenses, (seed, model))

    def _recorded(self, defenses: Combination) -> Recipe:
        return self.recipe.replace(record=()) if describe(shaping(defenses)) in self.only_last else self.recipe

    def _key(self, seed: int, model: int, defenses: Combination, epoch: int) -> dict[str, Any]:
        return identity(self.dataset, self.job(seed, model, defenses).stopped_at(epoch))


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
        spread = bootstrap(scores, members, threshold, **repeats)
        for measured, bounds in spread.items():
            values[f"{measured}_low"], values[f"{measured}_high"] = bounds or (None, None)
    return values


def about_models(dataset: str, defenses: Combination, seed: int, target: Outputs, shadow: Outputs) -> dict[str, Any]:
    """What a row says before its attack: which models, and how well they classify (`MODEL_MEASURES`).

    Both are judged by what they say behind their output-stage defenses, as a user and an attacker meet them.
    """
    train, test = _accuracy(target, target.members), _accuracy(target, ~target.members)
    accuracies = (train, test, train - test, _accuracy(shadow, ~shadow.members))
    named = {"dataset": dataset, "defenses": describe(defenses), "seed": seed, "attack": ""}
    return named | dict(zip(MODEL_MEASURES, accuracies, strict=True))


def _accuracy(outputs: Outputs, rows: np.ndarray) -> float:
    return float((outputs.posteriors[rows].argmax(axis=1) == outputs.labels[rows]).mean())


def over_the_seeds(table: "pd.DataFrame", confidence: float = 0.95) -> "pd.DataFrame":
    """Mean and Student's t-interval over seeds of every measure, one row a data set, combination and attack.

    Columns: dataset, defenses, attack, seeds (their number), and measure, measure_low, measure_high for each measure;
    bounds are missing for a single seed, and a measure is missing where it was not measurable for some seed.
    """
    import pandas as pd

    rows = []
    for names, group in table.groupby(["dataset", "defenses", "attack"], sort=False):
        row: dict[str, Any] = dict(zip(("dataset", "defenses", "attack"), names, strict=True)) | {"seeds": len(group)}
        for name in (*MODEL_MEASURES, *ATTACK_MEASURES):
            found = _interval(group[name].tolist(), confidence, within=(-1 if name == "generalisation_gap" else 0, 1))
            row |= dict(zip((name, f"{name}_low", f"{name}_high"), found, strict=True))
        rows.append(row)
    return pd.DataFrame(rows)


def _interval(
    values: list[float | None], confidence: float, within: tuple[float, float]
) -> tuple[float | None, float | None, float | None]:
    """Mean and bounds; the t-interval of few seeds can leave the range that the measure has, and is cut to it."""
    if any(value is None or value != value for value in values):
        return None, None, None
    found = over_seeds(values, confidence)
    if found.low is None or found.high is None:
        return found.mean, None, None
    return found.mean, max(found.low, within[0]), min(found.high, within[1])


def seen(run: Run, defenses: Combination) -> Outputs:
    """What anyone outside sees of a run's counted examples: posteriors after the output-stage defenses."""
    rows = run.counted
    posteriors = apply_outputs(defenses, softmax(run.logits[rows]))
    return Outputs(posteriors, run.members[rows], run.labels[rows], None, describe(defenses))

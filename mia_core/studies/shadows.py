"""Several shadow models in place of one: trained on splits of the shadow's own examples, their outputs pooled.

Shokri, Stronati, Song, Shmatikov 2017, "Membership Inference Attacks Against Machine Learning Models". All shadows
share the pool of the study's single one, so more of them means more models for the attacker and no more data.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mia_core.base.errors import RunError, SettingsError
from mia_core.data.splits import Split
from mia_core.defenses import Combination, describe, shaping
from mia_core.gate.arrays import Outputs
from mia_core.model.job import Job
from mia_core.store.identity import identity
from mia_core.store.runs import Run
from mia_core.store.trainings import train_all
from mia_core.studies.study import SHADOW, TARGET, Study, about_models, evaluate, seen

if TYPE_CHECKING:
    import pandas as pd


def shadow_splits(split: Split, shadows: int, seed: int) -> Split:
    """What `shadows` shadow models train on: a row a shadow, of which the first is the shadow of `split` itself.

    Every further one trains on a random half of the pool on which that shadow is judged, as many examples as it has
    members, drawn from the seed; all are judged on the whole pool. More shadows leave the first ones as they are.
    Raises `SettingsError` for fewer than one.
    """
    if shadows < 1:
        raise SettingsError(f"shadows: expected at least 1, found {shadows}")
    first, pool = split.members[SHADOW], split.counted[SHADOW]
    members = np.zeros((shadows, len(pool)), bool)
    members[0] = first
    generator = np.random.default_rng(np.random.SeedSequence([seed, *b"shadows"]))
    for row in range(1, shadows):
        members[row, generator.choice(np.flatnonzero(pool), int(first.sum()), replace=False)] = True
    return Split(members, np.tile(pool, (shadows, 1)))


def train_shadows(study: Study, shadows: int, jobs: int | None = None) -> Study:
    """Train the targets of a study and `shadows` shadow models for each, where its store lacks them; returns the study.

    The first shadow is the study's own, so the default study is never trained again. Raises `TrainingError` and
    `RunError`.
    """
    study.train(jobs)
    tasks = []
    for seed in study.settings.seeds:
        for defenses in _shaping(study):
            for model, members, counted in _models(shadow_splits(study.splits[seed], shadows, seed)):
                job = Job(members, counted, study.recipe, defenses, (seed, model))
                if any(study.store.get(_key(study, job, epoch)) is None for epoch in study.recipe.recorded_epochs()):
                    tasks.append(job)
    train_all(study.store, study.dataset, tasks, jobs)
    return study


def shadow_runs(study: Study, seed: int, defenses: Combination, shadows: int, epoch: int | None = None) -> list[Run]:
    """The stored runs of the shadow models of one seed. Raises `RunError` for one that has not been trained yet."""
    runs = []
    for model, members, counted in _models(shadow_splits(study.splits[seed], shadows, seed)):
        job = Job(members, counted, study.recipe, defenses, (seed, model))
        run = study.store.get(_key(study, job, epoch or study.recipe.epochs))
        if run is None:
            name = f"{describe(shaping(defenses))}, seed {seed}, shadow {model - SHADOW}"
            raise RunError(
                f"{study.store.root}: holds no run of {name}, epoch {epoch or study.recipe.epochs}; "
                f"train the {shadows} shadows first"
            )
        runs.append(run)
    return runs


def pooled(runs: Sequence[Run], defenses: Combination) -> Outputs:
    """What anyone outside sees of several shadows, their counted rows one below the other, as attacks are fitted on."""
    sides = [seen(run, defenses) for run in runs]
    arrays = {
        name: np.concatenate([getattr(side, name) for side in sides]) for name in ("posteriors", "members", "labels")
    }
    return replace(sides[0], **arrays)


def rows_with_shadows(study: Study, shadows: int, epoch: int | None = None) -> Iterator[dict[str, Any]]:
    """The rows of `Study.rows` for attacks fitted on the pooled outputs of `shadows` shadow models.

    shadow_accuracy is that of the first shadow. Raises `SettingsError` for the reverse direction: several shadows have
    no single model to be measured on.
    """
    if study.settings.direction != "shadow_to_target":
        raise SettingsError("direction: expected shadow_to_target with several shadows")
    for seed in study.settings.seeds:
        for defenses in study.combinations:
            target = study.outputs(seed, TARGET, defenses, epoch)
            runs = shadow_runs(study, seed, defenses, shadows, epoch)
            about = about_models(study.dataset.name, defenses, seed, target, seen(runs[0], defenses))
            outputs = target, pooled(runs, defenses)
            counts = {"epochs": epoch or study.recipe.epochs, "shadow_models": shadows, "queries": 1}
            for name in study.settings.attacks:
                found = evaluate(name, *outputs, study.settings)
                yield about | {"attack": name} | found | counts | {"precision": study.recipe.precision}


def table_with_shadows(study: Study, shadows: int, epoch: int | None = None) -> "pd.DataFrame":
    """The tidy table of `rows_with_shadows`, with the columns of a study's. Raises `RunError` before training."""
    import pandas as pd

    return pd.DataFrame(list(rows_with_shadows(study, shadows, epoch)))


def _models(rows: Split) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Index, members and counted examples of each shadow; the indices go on from the study's own shadow."""
    for row, (members, counted) in enumerate(zip(rows.members, rows.counted, strict=True)):
        yield SHADOW + row, members, counted


def _shaping(study: Study) -> list[Combination]:
    return list({describe(shaping(defenses)): shaping(defenses) for defenses in study.combinations}.values())


def _key(study: Study, job: Job, epoch: int) -> dict[str, Any]:
    return identity(study.dataset, job.stopped_at(epoch))

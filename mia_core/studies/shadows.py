"""Several shadow models in place of one: trained on splits of the shadow's own examples, their outputs pooled.

Shokri, Stronati, Song, Shmatikov 2017, "Membership Inference Attacks Against Machine Learning Models". All shadows
share the pool of the study's single one, so more of them means more models for the attacker and no more data.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from mia_core.base.errors import SettingsError
from mia_core.data.splits import Split
from mia_core.defenses import Combination
from mia_core.gate.arrays import Outputs
from mia_core.model.job import Job
from mia_core.store.runs import Run
from mia_core.store.trainings import train_all
from mia_core.studies.study import SHADOW, TARGET, Study, outputs_of


def shadow_splits(split: Split, shadows: int, seed: int) -> Split:
    """What `shadows` shadow models train on: one row per shadow, of which the first is the shadow of `split` itself.

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
    tasks = [
        job
        for seed in study.settings.seeds
        for defenses in study.shapings()
        for job in _jobs(study, seed, defenses, shadows)
    ]
    train_all(study.store, study.dataset, tasks, jobs)
    return study


def shadow_runs(study: Study, seed: int, defenses: Combination, shadows: int, epoch: int | None = None) -> list[Run]:
    """The stored runs of the shadow models of one seed. Raises `RunError` for one that has not been trained yet."""
    jobs = _jobs(study, seed, defenses, shadows)
    return [study.run_of(job, epoch, f"train the {shadows} shadows first") for job in jobs]


def pooled(runs: Sequence[Run], defenses: Combination) -> Outputs:
    """What anyone outside sees of several shadows, their counted rows one below the other, as attacks are fitted on."""
    sides = [outputs_of(run, defenses) for run in runs]
    arrays = {
        name: np.concatenate([getattr(side, name) for side in sides]) for name in ("posteriors", "members", "labels")
    }
    return replace(sides[0], **arrays)


def table_with_shadows(study: Study, shadows: int, epoch: int | None = None) -> pd.DataFrame:
    """The table of `Study.table` for attacks fitted on the pooled outputs of `shadows` shadow models.

    shadow_accuracy is that of the first shadow. Raises `RunError` before training, and `SettingsError` for the reverse
    direction: several shadows have no single model to be measured on.
    """
    if study.settings.direction != "shadow_to_target":
        raise SettingsError("direction: expected shadow_to_target with several shadows")
    rows = []
    for seed in study.settings.seeds:
        for defenses in study.combinations:
            target = study.outputs(seed, TARGET, defenses, epoch)
            runs = shadow_runs(study, seed, defenses, shadows, epoch)
            first, all_of_them = outputs_of(runs[0], defenses), pooled(runs, defenses)
            rows += study.rows(seed, defenses, target, first, epoch, all_of_them, shadows)
    return pd.DataFrame(rows)


def _jobs(study: Study, seed: int, defenses: Combination, shadows: int) -> Iterator[Job]:
    """The trainings of the shadows of one seed; their numbers go on from that of the study's own shadow."""
    split = shadow_splits(study.splits[seed], shadows, seed)
    for row, (members, counted) in enumerate(zip(split.members, split.counted, strict=True)):
        yield Job(members, counted, study.recipe, defenses, (seed, SHADOW + row))

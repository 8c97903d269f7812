"""Studies with reference models whose outputs are made up instead of trained: quick, and with a known answer."""

import numpy as np

from mia_core.store.identity import identity
from mia_core.store.runs import Run, Store
from mia_core.studies.reference_study import ReferenceStudy
from mia_core.studies.settings import ReferenceSettings
from small import RECIPE, tiny_dataset

DATA = tiny_dataset(400)
SETTINGS = ReferenceSettings(
    **{**RECIPE.model_dump(), "epochs": 2, "record": (1,)}, models=6, part=120, canaries=8, defenses="none"
)


def made_study(folder, signal=5.0, data=DATA, **changes):
    """A study whose store holds runs with invented logits: members' true class is `signal` higher at the last epoch,
    a tenth of that before."""
    study = ReferenceStudy(SETTINGS.replace(**changes), Store(folder), data)
    for defenses in study.combinations:
        for epoch in study.epochs(defenses):
            share = 1.0 if epoch == study.recipe.epochs else 0.1
            for model in range(study.settings.models):
                study.store.put(_run(study, model, defenses, epoch, share * signal))
    return study


def _run(study, model, defenses, epoch, signal):
    labels, members = study.dataset.labels, study.split.members[model]
    difficulty = np.random.default_rng(99).normal(0, 2, len(labels))  # shared by all models
    noise = np.random.default_rng([model, epoch]).normal(0, 1, (len(labels), len(study.dataset.classes)))
    logits = noise + (difficulty + signal * members)[:, None] * np.eye(len(study.dataset.classes))[labels]
    about = {"identity": identity(study.dataset, study.job(model, defenses).stopped_at(epoch)), "seconds": 1.0}
    about |= {"versions": {}, "machine": {}, "made": "2026-01-01", "warnings": []}
    counted = study.split.counted[model]
    return Run(logits.astype(np.float32), labels, members, counted, {}, {}, about)

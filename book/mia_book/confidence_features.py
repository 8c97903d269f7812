"""What a single number of a posterior tells about membership, without any attack model: one AUC a number."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mia_core.defenses import Combination, combination, describe
from mia_core.gate.arrays import Outputs
from mia_core.gate.posteriors import log_posteriors
from mia_core.measures.metrics import auc
from mia_core.studies.study import TARGET, Study

if TYPE_CHECKING:
    import pandas as pd

NEAR = 0.05
"""How far a largest posterior may lie from what the labels ask for, and still count as near it."""


def asked_confidence(defenses: Combination, classes: int) -> float:
    """What the training labels ask of the true class: 1 without smoothing, 1 - epsilon with it."""
    targets = np.eye(classes)
    for defense in defenses:
        targets = defense.targets(targets)
    return float(targets[0, 0])


def features(outputs: Outputs, asked: float) -> dict[str, NDArray[np.float64]]:
    """Numbers of each posterior, float64 [N] each, turned so that a higher one speaks for a member.

    largest posterior; second largest (minus it); rest: minus the standard deviation of all but the largest; distance:
    minus how far the largest lies from `asked`; true class: log p_y, where there are labels
    """
    ordered = np.sort(outputs.posteriors, axis=1)[:, ::-1]
    found = {
        "largest": ordered[:, 0],
        "second": -ordered[:, 1],
        "rest": -ordered[:, 1:].std(axis=1),
        "distance": -np.abs(ordered[:, 0] - asked),
    }
    if outputs.labels is not None:
        found["true class"] = log_posteriors(outputs.posteriors[np.arange(len(outputs.labels)), outputs.labels])
    return found


def guess_name(guess: float) -> str:
    """How `guess_table` calls a guess of epsilon: "guess 0.05"."""
    return f"guess {guess:g}"


def guess_table(study: Study, defenses: Combination, guesses: Sequence[float]) -> "pd.DataFrame":
    """AUC of the distance to 1 - a guess of epsilon, without a shadow, one row a seed and guess.

    The guess stands in "defenses" (see `guess_name`) and "distance" in "attack". Raises `RunError` before training.
    """
    import pandas as pd

    rows = []
    for seed in study.settings.seeds:
        outputs = study.outputs(seed, TARGET, defenses)
        for guess in guesses:
            area = auc(features(outputs, 1 - guess)["distance"], outputs.members)
            rows.append({"defenses": guess_name(guess), "seed": seed, "attack": "distance", "auc": area})
    return pd.DataFrame(rows)


def short_of(study: Study, defenses: Combination) -> float:
    """Share of the members, over all seeds, whose largest posterior is smaller than what the labels ask for."""
    short = []
    for seed in study.settings.seeds:
        outputs = study.outputs(seed, TARGET, defenses)
        top = outputs.posteriors.max(axis=1)[outputs.members]
        short.append(float((top < asked_confidence(defenses, outputs.classes)).mean()))
    return sum(short) / len(short)


def feature_table(study: Study) -> "pd.DataFrame":
    """One row a seed, combination and feature of the study's targets, in the form that `mia_core.measures.claims.judge`
    reads.

    Columns: dataset, defenses, seed, attack (the feature), auc, auc_over_largest (its AUC minus that of the largest
    posterior), near_members and near_non_members (share of each whose largest posterior lies within `NEAR` of what
    the labels ask for). Raises `RunError` before training.
    """
    import pandas as pd

    rows = []
    for seed in study.settings.seeds:
        for defenses in map(combination, study.settings.defenses):
            outputs = study.outputs(seed, TARGET, defenses)
            found = features(outputs, asked_confidence(defenses, outputs.classes))
            areas = {name: auc(scores, outputs.members) for name, scores in found.items()}
            near = -found["distance"] <= NEAR
            about = {"dataset": study.dataset.name, "defenses": describe(defenses), "seed": seed}
            for name, area in areas.items():
                rows.append(
                    about
                    | {"attack": name, "auc": area, "auc_over_largest": area - areas["largest"]}
                    | {"near_members": float(near[outputs.members].mean())}
                    | {"near_non_members": float(near[~outputs.members].mean())}
                )
    return pd.DataFrame(rows)

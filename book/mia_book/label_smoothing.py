"""Of "Label smoothing": what single numbers tell, what others measured, claims."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mia_book.claims import HERE, after, by_outcome
from mia_book.paper import OF_REPORT, SAME
from mia_book.recorded_epochs import epochs_name
from mia_book.reference_models import NEGATIVE
from mia_book.sweeps import asked_confidence
from mia_core.defenses import Combination, combination, describe
from mia_core.defenses.smoothing import LabelSmoothing
from mia_core.display.tables import difference, with_interval
from mia_core.gate.arrays import Outputs
from mia_core.gate.posteriors import log_posteriors
from mia_core.measures.claims import Claim, judge
from mia_core.measures.metrics import auc
from mia_core.studies.study import TARGET, Study, over_the_seeds

NEAR = 0.05
"""How far a largest posterior may lie from what the labels ask for, and still count as near it."""


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


def short_of(study: Study, defenses: Combination) -> float:
    """Share of the members, over all seeds, whose largest posterior is smaller than what the labels ask for."""
    seen = [study.outputs(seed, TARGET, defenses) for seed in study.settings.seeds]
    tops = [(out.posteriors.max(axis=1)[out.members], asked_confidence(defenses, out.classes)) for out in seen]
    return sum(float((top < asked).mean()) for top, asked in tops) / len(tops)


def feature_table(study: Study) -> pd.DataFrame:
    """One row per seed, combination and feature of the study's targets, for `mia_core.measures.claims.judge`.

    Columns: dataset, defenses, seed, attack (the feature), auc, auc_over_largest (its AUC minus that of the largest
    posterior), near_members and near_non_members (share of each whose largest posterior lies within `NEAR` of what
    the labels ask for). Raises `RunError` before training.
    """
    rows = []
    for seed in study.settings.seeds:
        for defenses in map(combination, study.settings.defenses):
            outputs = study.outputs(seed, TARGET, defenses)
            found = features(outputs, asked_confidence(defenses, outputs.classes))
            near, largest = -found["distance"] <= NEAR, auc(found["largest"], outputs.members)
            about = {"dataset": study.dataset.name, "defenses": describe(defenses), "seed": seed}
            shares = {"near_members": float(near[outputs.members].mean())}
            shares["near_non_members"] = float(near[~outputs.members].mean())
            for name, scores in found.items():
                area = auc(scores, outputs.members)
                rows.append(about | {"attack": name, "auc": area, "auc_over_largest": area - largest} | shares)
    return pd.DataFrame(rows)


Measured = tuple[str, str, float, str, float, float]
"""A comparison: source, setting, epsilon as the source defines it, measure, without and with smoothing."""
_HINTERSDORF, _KAYA = "Hintersdorf et al. 2022", "Kaya and Dumitraș 2021"
SMOOTHING: tuple[Measured, ...] = (
    (_HINTERSDORF, "CNN of ML-Leaks, CIFAR-10", 0.0083, "AUC", 0.716, 0.928),
    (_HINTERSDORF, "ResNet-18, CIFAR-10", 0.0083, "AUC", 0.771, 0.890),
    (_HINTERSDORF, "EfficientNet, CIFAR-10", 0.0083, "AUC", 0.666, 0.688),
    (_HINTERSDORF, "EfficientNet, CIFAR-10", 0.0083, "balanced accuracy", 0.646, 0.639),
    (_HINTERSDORF, "ResNet-50, Stanford Dogs", 0.1, "AUC", 0.783, 0.862),
    (_KAYA, "Fashion-MNIST, mean loss as threshold", 0.05, "advantage", 0.089, 0.078),
    (_KAYA, "Fashion-MNIST, best threshold", 0.05, "advantage", 0.087, 0.171),
)
"""From the result files that the authors published: of Hintersdorf et al. the attack on three posteriors ("Salem
Attack" on the original images), of Kaya and Dumitraș their means for 35 epochs. Advantage is the true-positive minus
the false-positive rate, 0 for guessing."""


def times_less(measured: Measured, classes: int = 10) -> float:
    """How many times less a source's smoothing takes from the true class than the report's does.

    For sources that mix the label with the uniform distribution over all classes, which gives epsilon/K of it back.
    """
    return LabelSmoothing().epsilon / (measured[2] * (1 - 1 / classes))


def smoothing_beside(ours: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The published comparisons, and above them our AUC, one row per setting.

    ours  setting -> summary (`mia_core.studies.study.over_the_seeds`) with rows "none" and "smoothing" of one attack
    """
    lines = []
    for setting, summary in ours.items():
        rows = summary.set_index("defenses")
        values = [with_interval(rows.loc[name], "auc") for name in ("none", "smoothing")]
        lines.append(("this book", setting, f"{LabelSmoothing().epsilon:g}", "AUC", *values))
    for source, setting, epsilon, measure, *numbers in SMOOTHING:
        lines.append((source, setting, f"{epsilon:g}", measure, *(f"{value:.3f}" for value in numbers)))
    return pd.DataFrame(lines, columns=["source", "setting", "ε", "measure", "without", "with smoothing"])


SMOOTHING_CLAIMS: tuple[Claim, ...] = (
    OF_REPORT["smoothing", "attack_accuracy", "none"],
    OF_REPORT["smoothing", "target_accuracy", "none"],
    Claim("Label smoothing raises the attack's AUC.",
        after("Hintersdorf et al."), "auc", "smoothing", "none", "higher"),
    Claim("With label smoothing the attack names more members at 1% FPR.",
        HERE, "tpr_at_fpr_0.01", "smoothing", "none", "higher"),
)  # fmt: skip
"""On `none` and `smoothing`, attack adversary1."""
NEGATIVE_CLAIMS: tuple[Claim, ...] = (
    Claim("A negative ε lowers the attack's accuracy.", HERE, "attack_accuracy", NEGATIVE, "none", "lower"),
    Claim(f"A negative ε keeps target accuracy, to within {SAME}.",
        HERE, "target_accuracy", NEGATIVE, "none", "same", SAME),
)  # fmt: skip
"""On `none` and smoothing with ε = -0.1, attack adversary1."""
DISTANCE_CLAIMS: tuple[Claim, ...] = (
    Claim(f"With smoothing, most members lie within {NEAR:g} of the confidence that the labels ask for.",
        HERE, "near_members", "smoothing", 0.5, "higher"),
    Claim("With smoothing, the distance to it tells members better than the largest posterior does.",
        HERE, "auc_over_largest", "smoothing", 0.0, "higher"),
)  # fmt: skip
"""On `feature_table`, feature "distance"."""


def guesses_in_words(table: pd.DataFrame, guesses: Sequence[float], than: str) -> str:
    """At which guesses of epsilon the distance has a larger AUC than another row, see `mia_book.claims.by_outcome`.

    table  one row per seed and guess, "guess 0.05" in "defenses" and the area in "auc", and perhaps rows of others
    than   what stands in "defenses" there, such as "guess 0"
    """
    verdicts = {}
    for guess in guesses:
        if f"guess {guess:g}" != than:
            text = f"With a guess of {guess:g} the distance tells members better than {than}."
            claim = Claim(text, HERE, "auc", f"guess {guess:g}", than, "higher")
            verdicts[f"{guess:g}"] = judge(claim, table.assign(attack="adversary1"))
    return by_outcome(verdicts)


def gains_by_epoch(study: Study) -> tuple[pd.DataFrame, str]:
    """How far smoothed targets fit their members at each recorded epoch and what the attack gains within seeds; and
    when it first gains, in a sentence.

    study  trained, with `none` and `smoothing`
    Columns: trained for, train accuracy (of the smoothed targets), the attack accuracy of both, their difference.
    """
    claim = Claim("Smoothing raises the attack's accuracy.", HERE, "attack_accuracy", "smoothing", "none", "higher")
    rows, said = [], "At no recorded epoch is it shown that the attack gains from smoothing."
    for epoch in reversed(study.recipe.recorded_epochs()):
        table = study.table(epoch)
        at, verdict = over_the_seeds(table).set_index("defenses"), judge(claim, table)
        fitted, name = with_interval(at.loc["smoothing"], "target_train_accuracy"), epochs_name(epoch)
        row = {"trained for": name, "train accuracy": fitted}
        row |= {f"attack, {of}": with_interval(at.loc[of], "attack_accuracy") for of in ("none", "smoothing")}
        rows.insert(0, row | {"difference": difference(verdict)})
        if verdict.holds:
            said = (
                f"The first recorded epoch at which the attack is shown to gain from smoothing is that after {name} "
                f"({difference(verdict)}); there the smoothed targets classify {fitted} of their members correctly."
            )
    return pd.DataFrame(rows), said

"""What others measured, typed once from their published results, to stand beside ours."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from mia_core.defenses.smoothing import LabelSmoothing
from mia_core.display.tables import with_interval

if TYPE_CHECKING:
    import pandas as pd


class Measured(NamedTuple):
    """One comparison of a source, without and with label smoothing; epsilon as the source defines it."""

    source: str
    setting: str
    epsilon: float
    measure: str
    without: float
    with_defense: float


_HINTERSDORF, _KAYA = "Hintersdorf et al. 2022", "Kaya and Dumitraș 2021"

SMOOTHING: tuple[Measured, ...] = (
    Measured(_HINTERSDORF, "CNN of ML-Leaks, CIFAR-10", 0.0083, "AUC", 0.716, 0.928),
    Measured(_HINTERSDORF, "ResNet-18, CIFAR-10", 0.0083, "AUC", 0.771, 0.890),
    Measured(_HINTERSDORF, "EfficientNet, CIFAR-10", 0.0083, "AUC", 0.666, 0.688),
    Measured(_HINTERSDORF, "EfficientNet, CIFAR-10", 0.0083, "balanced accuracy", 0.646, 0.639),
    Measured(_HINTERSDORF, "ResNet-50, Stanford Dogs", 0.1, "AUC", 0.783, 0.862),
    Measured(_KAYA, "Fashion-MNIST, mean loss as threshold", 0.05, "advantage", 0.089, 0.078),
    Measured(_KAYA, "Fashion-MNIST, best threshold", 0.05, "advantage", 0.087, 0.171),
)
"""From the result files that the authors published: of Hintersdorf et al. the attack on three posteriors ("Salem
Attack" on the original images), of Kaya and Dumitraș their means for 35 epochs. Advantage is the true-positive minus
the false-positive rate, 0 for guessing."""


def times_less(measured: Measured, classes: int = 10) -> float:
    """How many times less a source's smoothing takes from the true class than the report's does.

    For sources that mix the label with the uniform distribution over all classes, which gives epsilon/K of it back.
    """
    return LabelSmoothing().epsilon / (measured.epsilon * (1 - 1 / classes))


def smoothing_beside(ours: "Mapping[str, pd.DataFrame]") -> "pd.DataFrame":
    """The published comparisons, and above them our AUC, one row a setting.

    ours  setting -> summary (`mia_core.studies.study.over_the_seeds`) with rows "none" and "smoothing" of one attack
    """
    import pandas as pd

    lines = []
    for setting, summary in ours.items():
        rows = summary.set_index("defenses")
        values = [with_interval(rows.loc[name], "auc") for name in ("none", "smoothing")]
        lines.append(("this book", setting, f"{LabelSmoothing().epsilon:g}", "AUC", *values))
    for measured in SMOOTHING:
        numbers = (f"{measured.without:.3f}", f"{measured.with_defense:.3f}")
        lines.append((measured.source, measured.setting, f"{measured.epsilon:g}", measured.measure, *numbers))
    return pd.DataFrame(lines, columns=["source", "setting", "ε", "measure", "without", "with smoothing"])

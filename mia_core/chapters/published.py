"""What others measured, typed once from their published results, to stand beside ours."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from mia_core.tables import with_interval

if TYPE_CHECKING:
    import pandas as pd


class Measured(NamedTuple):
    """One comparison of a source: the same measure without and with a defense."""

    source: str
    setting: str
    measure: str
    without: float
    with_defense: float


_HINTERSDORF, _KAYA = "Hintersdorf et al. 2022", "Kaya and Dumitraș 2021"

SMOOTHING: tuple[Measured, ...] = (
    Measured(_HINTERSDORF, "CNN of ML-Leaks, CIFAR-10", "AUC", 0.716, 0.928),
    Measured(_HINTERSDORF, "ResNet-18, CIFAR-10", "AUC", 0.771, 0.890),
    Measured(_HINTERSDORF, "EfficientNet, CIFAR-10", "AUC", 0.666, 0.688),
    Measured(_HINTERSDORF, "ResNet-50, Stanford Dogs", "AUC", 0.783, 0.862),
    Measured(_KAYA, "Fashion-MNIST, mean loss as threshold", "advantage", 0.089, 0.078),
    Measured(_KAYA, "Fashion-MNIST, best threshold", "advantage", 0.087, 0.171),
)
"""Label smoothing. Advantage is the true-positive minus the false-positive rate, 0 for guessing."""


def smoothing_beside(ours: "Mapping[str, pd.DataFrame]") -> "pd.DataFrame":
    """The published comparisons, and above them our AUC, one row a setting.

    ours  setting -> summary (`mia_core.study.over_the_seeds`) with rows "none" and "smoothing" of one attack
    """
    import pandas as pd

    lines = []
    for setting, summary in ours.items():
        rows = summary.set_index("defenses")
        values = [with_interval(rows.loc[name], "auc") for name in ("none", "smoothing")]
        lines.append(("this book", setting, "AUC", *values))
    for measured in SMOOTHING:
        lines.append((*measured[:3], f"{measured.without:.3f}", f"{measured.with_defense:.3f}"))
    return pd.DataFrame(lines, columns=["source", "setting", "measure", "without", "with smoothing"])

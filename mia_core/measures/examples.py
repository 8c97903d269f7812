"""Every measure of one model's attack with an interval over examples that is no surer than the counts behind it."""

import numpy as np

from mia_core.measures.counts import auc_error_of, rate_error
from mia_core.measures.intervals import bootstrap, clopper_pearson
from mia_core.measures.metrics import LEVELS, from_blocks, level_column, low_fpr
from mia_core.measures.ranking import Blocks


def over_examples(
    blocks: Blocks,
    threshold: float,
    levels: tuple[float, ...] = LEVELS,
    replicates: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, tuple[float, float] | None]:
    """Intervals over examples for every column of `metrics.measure`; None where not measurable.

    Accuracy and recalls at the threshold are shares of counted examples: Clopper and Pearson's interval. A TPR at an
    FPR, AUC and balanced accuracy move with both sides: the bootstrap's, widened where it is narrower than the members'
    exact interval (TPR), or than what their smoothed standard errors give: the bootstrap of 20 right ones of 20 draws
    nothing but right ones.

    Arguments and errors are those of `bootstrap`.
    """
    from scipy.special import ndtri

    found = bootstrap(blocks, threshold, levels, replicates, confidence, seed)
    inside, outside = int(blocks.members.sum()), int(blocks.non_members.sum())
    values = from_blocks(blocks, blocks.cut(threshold), ())
    trials_of = {"attack_accuracy": inside + outside, "recall_members": inside, "recall_non_members": outside}
    for name, trials in trials_of.items():
        found[name] = clopper_pearson(round(float(values[name]) * trials), trials, confidence)
    for level in levels:
        point = low_fpr(blocks, level)
        if point.true_positives is not None:
            name = level_column(level)
            found[name] = _wider(found[name], clopper_pearson(point.true_positives, inside, confidence))
    recalls = (rate_error(values["recall_members"], inside), rate_error(values["recall_non_members"], outside))
    for name, error in (("auc", auc_error_of(blocks)), ("balanced_accuracy", np.hypot(*recalls) / 2)):
        value, reach = float(values[name]), float(ndtri((1 + confidence) / 2) * error)
        found[name] = _wider(found[name], (max(value - reach, 0.0), min(value + reach, 1.0)))
    return found


def _wider(one: tuple[float, float] | None, other: tuple[float, float]) -> tuple[float, float]:
    return other if one is None else (min(one[0], other[0]), max(one[1], other[1]))

"""Who is at risk: each example of the pool, over all targets that trained on it and all that did not."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mia_core.defenses import Combination
from mia_core.metrics import low_fpr
from mia_core.ranking import tie_blocks
from mia_core.reference_studies.rows import Scores, answers, attacked, check_references, kinds_of
from mia_core.reference_studies.study import ReferenceStudy

if TYPE_CHECKING:
    import pandas as pd


def vulnerability(
    study: ReferenceStudy,
    defenses: Combination,
    attack: str = "t-lira",
    epoch: int | None = None,
    level: float = 0.01,
    references: int | None = None,
) -> "pd.DataFrame":
    """How each example of the pool fares under an attack, a row an example, the most vulnerable first.

    row                the example's row in the study's data set; label: as trained on; canary: whether that is wrong
    targets            number of targets that trained on it
    found              share of these that give it away: its score reaches the target's threshold at FPR `level`,
                       taken over the pool without canaries; missing where that is not measurable
    falsely_accused    the same share of the targets that did not train on it
    score, score_out   mean score over the targets that did and did not train on it, in the attack's unit
    Equal shares are ordered by score. The shares of a few targets are coarse: of T targets they are multiples of 1/T.
    Raises `SettingsError` and `RunError` as `mia_core.reference_studies.rows.rows`, and `SettingsError` for the level.
    """
    import pandas as pd

    check_references(study, references)
    made = attacked(study, attack, answers(study, defenses, epoch), references)
    inside, called = made.members, calls(study, made, level)
    table = pd.DataFrame(
        {
            "row": study.pool,
            "label": study.dataset.labels[study.pool],
            "canary": study.canaries[study.pool],
            "targets": inside.sum(axis=0),
            "found": _mean_where(called, inside),
            "falsely_accused": _mean_where(called, ~inside),
            "score": _mean_where(made.scores, inside),
            "score_out": _mean_where(made.scores, ~inside),
        }
    )
    return table.sort_values(["found", "score"], ascending=False, kind="stable").reset_index(drop=True)


def calls(study: ReferenceStudy, made: Scores, level: float) -> NDArray[np.float64]:
    """1 where a target's threshold calls an example of the pool a member, else 0: float64 [T, P].

    The threshold is that of FPR `level` over ordinary examples; a target's row is NaN where that is not measurable.
    """
    ordinary = kinds_of(study)["pool"]
    called = np.full(made.scores.shape, np.nan)
    for target, (scores, members) in enumerate(zip(made.scores, made.members, strict=True)):
        cut = low_fpr(tie_blocks(scores[ordinary], members[ordinary]), level)
        if cut.tpr is not None:
            called[target] = 0.0 if cut.threshold is None else scores >= cut.threshold
    return called


def _mean_where(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Mean over targets of `values` [T, P] where `chosen`: float64 [P], NaN where nothing is."""
    number = chosen.sum(axis=0)
    total = np.where(chosen, values, 0.0).sum(axis=0)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)

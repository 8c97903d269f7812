"""Tables of the chapter "Measuring an attack": two attacks side by side, low FPR, two kinds of intervals, precision."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mia_core.attacks import make_attack
from mia_core.display.tables import with_interval
from mia_core.measures.intervals import clopper_pearson, over_seeds
from mia_core.measures.metrics import LEVELS, level_column, tpr_at_fpr
from mia_core.measures.risk import PRIORS, precision_at, tnr_at_fnr
from mia_core.measures.text import NOT_MEASURABLE, heading
from mia_core.studies.study import Study, over_the_seeds

if TYPE_CHECKING:
    import pandas as pd

Scored = list[tuple[NDArray[np.float64], NDArray[np.bool_]]]
"""Scores [N] and members [N], one pair a seed."""

FEATURES = {"posteriors": "posteriors", "logarithms": "logs"}
"""Names of adversary 1's two scales in these tables, and the settings behind them."""


def by_features(study: Study) -> "pd.DataFrame":
    """The table of an undefended study for adversary 1 on posteriors and on their logarithms; nothing is trained.

    The column `defenses` names the scale, so that `judge` and `over_the_seeds` compare the two. Added columns: see
    `with_precision`.
    """
    import pandas as pd

    parts = []
    for name, features in FEATURES.items():
        settings = study.settings.replace(features=features, attacks=["adversary1"], defenses=["none"])
        parts.append(Study(settings, study.store, study.dataset).table().assign(defenses=name))
    return with_precision(pd.concat(parts, ignore_index=True))


def scores_by_features(study: Study) -> dict[str, Scored]:
    """What adversary 1 scores on each scale: name -> scores and members of the target, one pair a seed."""
    found: dict[str, Scored] = {}
    for name, features in FEATURES.items():
        settings = study.settings.replace(features=features)
        found[name] = []
        for seed in study.settings.seeds:
            target, shadow = (study.outputs(seed, model, ()) for model in (0, 1))
            attack = make_attack("adversary1", settings).fit(shadow.posteriors, shadow.members, shadow.labels)
            found[name].append((attack.score(target.posteriors, target.labels), target.members))
    return found


def summary_by_name(table: "pd.DataFrame") -> "dict[str, pd.Series]":
    """`mia_core.studies.study.over_the_seeds` of a table of one attack: its row for each name in the column
    `defenses`."""
    return {row["defenses"]: row for _, row in over_the_seeds(table).iterrows()}


def with_precision(table: "pd.DataFrame", priors: Sequence[float] = PRIORS) -> "pd.DataFrame":
    """The table with a column precision_at_prior_<prior> each: of those called members, the share who are.

    At the attack's own threshold (see `mia_core.measures.risk.precision_at`); missing where it calls nobody a member.
    """
    rates = list(zip(table["recall_members"], 1 - table["recall_non_members"], strict=True))
    added = {prior_column(prior): [precision_at(prior, tpr, fpr) for tpr, fpr in rates] for prior in priors}
    return table.assign(**added)


def prior_column(prior: float) -> str:
    """Name of the column of `with_precision` for one prior: 0.01 gives precision_at_prior_0.01."""
    return f"precision_at_prior_{prior:g}"


def low_fpr_table(scored: dict[str, Scored], levels: Sequence[float] = (0.1, *LEVELS)) -> "pd.DataFrame":
    """TPR at FPR levels, one row an attack and level, as text: what was allowed, what was realised, what was found.

    Accused are the non-members above the threshold, the most of any seed, with the FPR that this is. The TPR is a mean
    with its interval over seeds. A level that asks for more non-members than there are is not measurable.
    """
    import pandas as pd

    rows = []
    for name, seeds in scored.items():
        for level in levels:
            found = [tpr_at_fpr(scores, members, level) for scores, members in seeds]
            row = {"attack": name, "FPR at most": f"{level:g}"}
            if any(one.reason is not None for one in found):
                rows.append(row | {"accused": "–", "TPR": NOT_MEASURABLE})
                continue
            most = max(found, key=lambda one: one.false_positives)
            total = int((~seeds[0][1]).sum())
            rows.append(
                row
                | {
                    "accused": f"{most.false_positives} of {total:,}, FPR {most.fpr:.4f}",
                    "TPR": _mean_rate([one.tpr for one in found]),
                }
            )
    return pd.DataFrame(rows)


def two_intervals(table: "pd.DataFrame", measures: Sequence[str]) -> "pd.DataFrame":
    """Measures of one attack with both kinds of intervals: the mean over seeds, and the first seed over examples."""
    import pandas as pd

    summary, first = over_the_seeds(table).iloc[0], table.iloc[0]
    rows = []
    for name in measures:
        rows.append(
            {
                "measure": heading(name),
                "mean, over seeds": with_interval(summary, name),
                "first seed, over examples": with_interval(first, name),
            }
        )
    return pd.DataFrame(rows)


def cleared_table(scored: dict[str, Scored], level: float) -> "pd.DataFrame":
    """TNR at an FNR level (see `mia_core.measures.risk.tnr_at_fnr`), a mean over seeds with its interval, one row an
    attack."""
    import pandas as pd

    rows = []
    for name, seeds in scored.items():
        found = [tnr_at_fnr(scores, members, level) for scores, members in seeds]
        reason = next((one.reason for one in found if one.reason is not None), None)
        rows.append({"attack": name, "TNR": reason or _mean_rate([one.tnr for one in found])})
    return pd.DataFrame(rows)


def found_interval(scored: Scored, level: float) -> str:
    """How many members one seed's attack finds at an FPR level, with Clopper and Pearson's interval, as text."""
    scores, members = scored[0]
    found = tpr_at_fpr(scores, members, level)
    if found.reason is not None:
        return found.reason
    low, high = clopper_pearson(found.true_positives, int(members.sum()))
    return f"{found.true_positives} of {int(members.sum()):,}, {found.tpr:.3f} [{low:.3f}, {high:.3f}]"


def precision_table(table: "pd.DataFrame", priors: Sequence[float] = PRIORS) -> "pd.DataFrame":
    """Precision at several priors, a mean over seeds with its interval, at two thresholds of each attack.

    table  as of `by_features`. The thresholds: the attack's own, and that of 1% FPR
    """
    import pandas as pd

    rows = []
    for name, group in table.groupby("defenses", sort=False):
        own = list(zip(group["recall_members"], 1 - group["recall_non_members"], strict=True))
        strict = list(zip(group[level_column(0.01)], group["fpr_at_0.01"], strict=True))
        for threshold, rates in (("its own", own), ("1% FPR", strict)):
            cells = {f"prior {prior:g}": _mean_precision(prior, rates) for prior in priors}
            rows.append({"attack": name, "threshold": threshold} | cells)
    return pd.DataFrame(rows)


def _mean_precision(prior: float, rates: list[tuple[float | None, float | None]]) -> str:
    """As text; a seed in which nobody is called a member has no precision and is left out."""
    if any(tpr is None or tpr != tpr for tpr, _ in rates):
        return NOT_MEASURABLE
    values = [precision_at(prior, tpr, fpr) for tpr, fpr in rates]
    known = [value for value in values if value is not None]
    if not known:
        return "nobody accused"
    return _mean_rate(known, digits=2)


def _mean_rate(values: list[float], digits: int = 3) -> str:
    """Mean over seeds with its interval, cut to what a rate can be, as text."""
    mean = over_seeds(values)
    bounds = "" if mean.low is None else f" [{max(mean.low, 0):.{digits}f}, {min(mean.high, 1):.{digits}f}]"
    return f"{mean.mean:.{digits}f}{bounds}"

"""Adversary 1 on posteriors and on their logarithms."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mia_book.claims import HERE
from mia_core.measures.claims import Claim
from mia_core.measures.counts import errors, smoothed
from mia_core.measures.risk import PRIORS, precision_at
from mia_core.studies.study import Study

FEATURES = {"posteriors": "posteriors", "logarithms": "logs"}
"""Names of adversary 1's two scales in these tables, and the settings behind them."""


def by_features(study: Study) -> pd.DataFrame:
    """The table of an undefended study for adversary 1 on posteriors and on their logarithms; nothing is trained.

    The column `defenses` names the scale, so that `judge` and `over_the_seeds` compare the two. Added columns: see
    `with_precision`.
    """
    parts = []
    for name, features in FEATURES.items():
        settings = study.settings.replace(features=features, attacks=["adversary1"], defenses=["none"])
        parts.append(Study(settings, study.store, study.dataset).table().assign(defenses=name))
    return with_precision(pd.concat(parts, ignore_index=True))


def with_precision(table: pd.DataFrame, priors: Sequence[float] = PRIORS) -> pd.DataFrame:
    """The table with columns precision_at_prior_<prior>, of those called members the share who are, and their errors.

    At the attack's own threshold (see `mia_core.measures.risk.precision_at`); missing where it calls nobody a member.
    The error follows from those of the two rates, smoothed so that nobody wrongly accused is not taken for certain.
    """
    found, missed = table["recall_members"], 1 - table["recall_non_members"]
    tpr, fpr = smoothed(found, table["members"]), smoothed(missed, table["non_members"])
    relative = np.hypot(errors(table, "recall_members") / tpr, errors(table, "recall_non_members") / fpr)
    added = {}
    for prior in priors:
        name, about = f"precision_at_prior_{prior:g}", prior * tpr / (prior * tpr + (1 - prior) * fpr)
        added[name] = [precision_at(prior, *rates) for rates in zip(found, missed, strict=True)]
        added[f"{name}_error"] = about * (1 - about) * relative
    return table.assign(**added)


SCALE_CLAIMS: dict[str, Claim] = {
    "auc": Claim("On logarithms the AUC is larger.", HERE, "auc", "logarithms", "posteriors", "higher"),
    "low": Claim("On logarithms it finds more members at 1% FPR.",
        HERE, "tpr_at_fpr_0.01", "logarithms", "posteriors", "higher"),
}  # fmt: skip
"""On averages and on the left end, see `by_features`."""

"""What makes an audit lie: sides that differ without the model, rows on both sides, numbers too small to show anything.

Das, Zhang, Tramèr 2024, "Blind Baselines Beat Membership Inference Attacks for Foundation Models" (arXiv 2406.16201):
where members and non-members come from different times or sources, a classifier tells them apart from the inputs
alone, and whatever an attack finds may be that.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mia_core.attacks.contract import Flags, Floats, Labels
from mia_core.measures.metrics import low_fpr
from mia_core.measures.paired import holm
from mia_core.measures.ranking import tie_blocks

MOST_ROWS, MOST_COLUMNS = 20_000, 256
"""The blind classifiers read a sample of the rows, and a random projection of wider inputs."""
ALPHA, DOUBT = 0.001, 0.05
"""p-values of a blind classifier at which an audit is void, and at which it is in doubt. One honest random split in 20
is in doubt, so that doubt alone must not void it."""


@dataclass(frozen=True)
class Blind:
    """What a classifier that never saw the model says of membership, on examples that it was not fitted on.

    auc, tpr   its AUC, and its TPR at 1% FPR (None: too few non-members); p: after Holm's correction over both kinds
    """

    classifier: str
    auc: float
    tpr: float | None
    p: float


def blind_baselines(features: Floats, members: Flags, seed: int = 0) -> list[Blind]:
    """A linear and a forest classifier of membership from `features` [N, D] alone, fitted on one half, judged on the
    other. Their AUC is tested by its rank sum (Mann and Whitney 1947), which needs no second fit."""
    from scipy.stats import mannwhitneyu
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows = np.random.default_rng(seed).permutation(len(members))[:MOST_ROWS]
    if min(members[rows].sum(), (~members[rows]).sum()) < 4:
        return []
    fit, judged = train_test_split(rows, test_size=0.5, stratify=members[rows], random_state=seed)
    found = []
    for name, classifier in (
        ("linear", make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))),
        ("forest", RandomForestClassifier(50, min_samples_leaf=5, random_state=seed)),
    ):
        scores = classifier.fit(features[fit], members[fit]).predict_proba(features[judged])[:, 1]
        inside, outside = scores[members[judged]], scores[~members[judged]]
        rank_sum, p = mannwhitneyu(inside, outside, alternative="greater")
        tpr = low_fpr(tie_blocks(scores, members[judged]), 0.01).tpr
        found.append(Blind(name, float(rank_sum / len(inside) / len(outside)), tpr, float(p)))
    adjusted = holm([one.p for one in found])
    return [Blind(**(asdict(one) | {"p": p})) for one, p in zip(found, adjusted, strict=True)]


def numbers(inputs: Any, labels: Labels | None, classes: int, seed: int = 0) -> Floats:
    """Inputs of any kind as float64 [N, D], the label one-hot behind them; wide ones are projected at random.

    A data frame's text becomes numbers by category, and missing values the mean. Raises `ValueError` for what has no
    numbers in it.
    """
    if hasattr(inputs, "iloc"):
        import pandas as pd

        columns = [
            pd.factorize(column)[0]
            if column.dtype.kind not in "biuf"
            else column.to_numpy(dtype=float, na_value=np.nan)
            for _, column in inputs.items()
        ]
        table = np.column_stack(columns).astype(np.float64)
    else:
        values = inputs.toarray() if hasattr(inputs, "toarray") else inputs
        values = values.detach().cpu().numpy() if hasattr(values, "detach") else np.asarray(values)
        table = values.reshape(len(values), -1).astype(np.float64)
    missing = ~np.isfinite(table)
    if missing.any():
        known = np.where(missing, 0, table).sum(axis=0) / np.maximum((~missing).sum(axis=0), 1)
        table = np.where(missing, known, table)
    if table.shape[1] > MOST_COLUMNS:
        from sklearn.random_projection import GaussianRandomProjection

        table = GaussianRandomProjection(MOST_COLUMNS // 4, random_state=seed).fit_transform(table)
    return table if labels is None else np.hstack([table, np.eye(classes)[labels]])


def duplicates(features: Floats, members: Flags) -> tuple[int, int]:
    """Number of members that are also among the non-members, to the last digit, and of those that nearly are.

    "Nearly" is a nearest non-member that is less than a hundredth as far as a typical one, by a sample of 300 members.
    """
    import pandas as pd

    keys = pd.util.hash_pandas_object(pd.DataFrame(features), index=False).to_numpy()
    same = np.isin(keys[members], keys[~members])
    if same.all():
        return int(same.sum()), 0
    from sklearn.neighbors import NearestNeighbors

    scale = features.std(axis=0)
    scale = np.where(scale > 0, scale, 1)
    random = np.random.default_rng(0)
    asked = random.permutation(np.flatnonzero(members)[~same])[:300]
    others = random.permutation(np.flatnonzero(~members))[:MOST_ROWS]
    known = NearestNeighbors(n_neighbors=1).fit(features[others] / scale)
    nearest = known.kneighbors(features[asked] / scale)[0][:, 0]
    near = (nearest < np.median(nearest) / 100).mean()
    return int(same.sum()), round(float(near) * int((~same).sum()))


def cautions(
    members: Flags, posteriors: NDArray[np.float64], correct: Flags | None, keeps_rows: str | None, leak: bool,
    differ: Blind | None = None,
) -> list[str]:  # fmt: skip
    """What a reader of this audit must know before believing it, one sentence each; may be empty."""
    inside, outside = int(members.sum()), int((~members).sum())
    found = []
    if outside < 1000:
        found.append(
            f"{outside} non-members: a share found at 1% FPR rests on {max(outside // 100, 0)} of them. From 523 the "
            "true FPR is below 2% with 95% confidence, at 0.1% FPR from 5,254"
        )
    if differ is not None and ALPHA < differ.p <= DOUBT:
        found.append(
            f"a {differ.classifier} classifier that never saw the model tells members from non-members a little (AUC "
            f"{differ.auc:.3f}, p = {differ.p:.2g}). One random split in 20 looks like this; if yours was not random, "
            "the audit may be void"
        )
    if not 0.3 <= inside / (inside + outside) <= 0.7:
        found.append(
            f"{inside / (inside + outside):.0%} of the examples are members: an attack's accuracy would mislead; "
            "advantage and recalls do not depend on this share"
        )
    if not leak:
        found.append(
            "the model treats members like non-members. So does a model whose members were drawn from all data, those "
            "it was not trained on included: check that they are what it was trained on"
        )
    if correct is not None and correct[members].mean() + 0.02 < correct[~members].mean():
        found.append("members are classified worse than non-members: are the two sides exchanged?")
    top = posteriors.max(axis=1)
    digits = next((digits for digits in range(1, 5) if np.allclose(top, top.round(digits), rtol=0, atol=1e-7)), None)
    coarse = None
    if (different := len(np.unique(top))) < min(200, len(top) / 5):
        coarse = f"take {different} different largest values, as rounded, calibrated or single-tree outputs do"
    elif digits is not None:
        coarse = f"are rounded to {digits} decimals"
    if coarse is not None:
        found.append(
            f"the outputs {coarse}: ties hide members at low FPR, and whoever sees finer outputs may find more"
        )
    if keeps_rows:
        found.append(f"a {keeps_rows} holds rows of its training data as they are: whoever has the model has them")
    return found

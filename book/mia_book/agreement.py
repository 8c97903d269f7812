"""Whether attacks find the same members, and which classes' members they find."""

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mia_book.reference_sweeps import mean_in_words
from mia_core.defenses import Combination
from mia_core.measures.risk import overlap
from mia_core.references.calibrated_loss import memorisation
from mia_core.studies.reference_rows import answers, attacked, kinds_of, views
from mia_core.studies.vulnerability import calls

if TYPE_CHECKING:
    import pandas as pd

    from mia_core.studies.reference_study import ReferenceStudy

ALL = "all of them"


def agreement(
    study: "ReferenceStudy", attacks: Sequence[str], defenses: Combination = (), level: float = 0.01
) -> "pd.DataFrame":
    """How far attacks on the same target find the same ordinary members, each at its threshold of FPR `level`.

    A row for every two attacks and one for all: the share of members that any of them finds (coverage), that each
    finds (core), and Jaccard's index, the mean over two of them of |both| / |either|. Means over pairs of models as
    text, see `mia_core.measures.risk.overlap`. An attack for which no threshold reaches `level` finds nobody.
    """
    import pandas as pd

    ordinary, found = kinds_of(study)["pool"], {}
    known = answers(study, defenses)
    for name in attacks:
        made = attacked(study, name, known)
        found[name] = (calls(study, made, level) == 1) & made.members
    members = made.members[:, ordinary]
    groups = {" and ".join(two): two for two in itertools.combinations(attacks, 2)}
    rows = []
    for words, names in (groups | {ALL: tuple(attacks)}).items():
        cells: dict[str, list[float]] = {"found by any": [], "found by each": [], "Jaccard's index": []}
        for target, inside in enumerate(members):
            same = overlap(np.stack([found[name][target, ordinary] for name in names]))
            jaccard = np.nan if same.jaccard is None else same.jaccard
            values = (same.coverage / inside.sum(), same.core / inside.sum(), jaccard)
            for column, value in zip(cells, values, strict=True):
                cells[column].append(float(value))
        rows.append({"attacks": words} | {name: mean_in_words(_by_pair(values)) for name, values in cells.items()})
    return pd.DataFrame(rows)


def by_class(
    study: "ReferenceStudy", attack: str = "t-lira", defenses: Combination = (), level: float = 0.01
) -> "pd.DataFrame":
    """The share of each class's ordinary members that are found, a row a class and pair of models.

    Columns: attack (the class's name), defenses (`attack`), seed (number of the pair), found (share at the target's
    threshold of FPR `level` over all classes, missing where that is not measurable) and memorised, the mean over the
    class's members of `mia_core.references.calibrated_loss.memorisation` of p_y.
    """
    import pandas as pd

    ordinary, known = kinds_of(study)["pool"], answers(study, defenses)
    made = attacked(study, attack, known)
    called = calls(study, made, level)
    memorised = [memorisation(view.pool("probability")) for view in views(study, known)]
    labels, rows = study.dataset.labels[study.pool], []
    for number, name in enumerate(study.dataset.classes):
        chosen = made.members & ordinary & (labels == number)
        shares = [_mean(row[inside]) for row, inside in zip(called, chosen, strict=True)]
        owed = [_mean(row[inside]) for row, inside in zip(memorised, chosen, strict=True)]
        for unit, (share, own) in enumerate(zip(_by_pair(shares), _by_pair(owed), strict=True)):
            rows.append({"attack": str(name), "defenses": attack, "seed": unit, "found": share, "memorised": own})
    return pd.DataFrame(rows)


def class_table(found: "pd.DataFrame") -> "pd.DataFrame":
    """Of `by_class`: a row a class, the one most at risk first, means over pairs of models as text."""
    import pandas as pd

    order = found.groupby("attack", sort=False)[["found", "memorised"]].mean().sort_values("found", ascending=False)
    groups = {name: found[found["attack"] == name] for name in order.index}
    return pd.DataFrame(
        {"class": name, "members found": mean_in_words(rows["found"]), "memorised": mean_in_words(rows["memorised"])}
        for name, rows in groups.items()
    )


def _by_pair(values: Sequence[float]) -> list[float]:
    """Means over the two targets of each pair."""
    return np.asarray(values, dtype=np.float64).reshape(-1, 2).mean(axis=1).tolist()


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")

"""Of "What goes in": the tabular data sets of the literature, attacked where their files are."""

import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mia_core.base.errors import DataError
from mia_core.base.messages import one_line
from mia_core.measures.metrics import level_column
from mia_core.measures.text import with_interval
from mia_core.studies.settings import StudySettings
from mia_core.studies.study import Study, over_the_seeds

MOST = 10_000
"""Examples in each part, at most: ML-Leaks' sets differ in size by a factor of forty."""
EPOCHS = 50
NONE = "nothing that we could check"


@dataclass(frozen=True)
class TabularSet:
    """A data set that is passed around as a file.

    file       its name in the folder MIA_DATA; column: of the classes, where it is a table
    size       rows, columns and classes, as published
    published  what others report of it
    """

    name: str
    file: str
    size: str
    published: str
    column: str = ""


SETS = (
    TabularSet("Purchase100", "purchase100.npz", "197,324 x 600, 100 classes",
        "256 models of two hidden layers (lira_analysis): online LiRA AUC 0.702, TPR 0.045 at 0.1% FPR; a global "
        "threshold 0.548 and 0.001"),
    TabularSet("Texas100", "texas100.npz", "67,330 x 6,169, 100 classes", NONE),
    TabularSet("Location30", "location30.npz", "5,010 x 446, 30 classes", NONE),
    TabularSet("Adult", "adult.csv", "48,842 x 14, 2 classes", NONE, "income"),
)  # fmt: skip


def attacked(sets: tuple[TabularSet, ...] = SETS, **changes: object) -> pd.DataFrame:
    """One row per data set: what adversary 1 reaches on an undefended MLP, or why nothing was measured, and what others
    report. Columns: data set, size, target accuracy, AUC, TPR at 1% FPR, published.

    changes  of the settings of the study (one seed)
    """
    rows = []
    for one in sets:
        row = {"data set": one.name, "published size": one.size}
        rows.append(row | _measured(one, **changes) | {"published": one.published})
    return pd.DataFrame(rows)


def _measured(one: TabularSet, **changes: object) -> dict[str, str]:
    heads = {"target accuracy": "target_accuracy", "AUC": "auc", "TPR at 1% FPR": level_column(0.01)}
    folder = os.environ.get("MIA_DATA", "").strip()
    path = Path(folder).expanduser() / one.file
    if not folder or not path.is_file():
        return dict.fromkeys(heads, "not measured") | {"target accuracy": f"not here: no {one.file} in MIA_DATA"}
    dataset = f"table:{path}#{one.column}" if one.column else f"arrays:{path}"
    settings = {"dataset": dataset, "seeds": 1, "epochs": EPOCHS, "record": (), "defenses": "none", "replicates": 0}
    try:
        study = Study(StudySettings(**settings | changes))
        if study.settings.part is None:
            part = min(MOST, study.dataset.pool // 4)
            study = Study(study.settings.replace(part=part), study.store, study.dataset)
    except DataError as error:
        why = one_line(str(error).replace(str(path), one.file))
        return dict.fromkeys(heads, "not measured") | {"target accuracy": f"not usable: {why}"}
    summary = over_the_seeds(study.train().table()).iloc[0]
    return {head: with_interval(summary, column) for head, column in heads.items()}

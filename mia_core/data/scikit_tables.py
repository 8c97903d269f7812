"""scikit-learn's own tables, which need no download."""

import numpy as np

from mia_core.data.dataset import Dataset
from mia_core.data.source import Source


def breast_cancer() -> Dataset:
    """569 rows of 30 measures of cell nuclei, malignant or benign (Wolberg, Mangasarian and Street 1995)."""
    from sklearn.datasets import load_breast_cancer

    return _dataset("breast-cancer", load_breast_cancer())


def wine() -> Dataset:
    """178 rows of 13 chemical measures of wines of three growers (Aeberhard and Forina 1992)."""
    from sklearn.datasets import load_wine

    return _dataset("wine", load_wine())


def _dataset(name, found) -> Dataset:
    classes = tuple(str(one) for one in found.target_names)
    return Dataset(name, found.data.astype(np.float32), found.target.astype(np.int64), classes, len(found.target))


BREAST_CANCER = Source(
    "breast-cancer", "a table of 569 rows, 30 measures of cells", lambda _: breast_cancer(), is_table=True
)
WINE = Source("wine", "a table of 178 rows, 13 measures of wines", lambda _: wine(), is_table=True)

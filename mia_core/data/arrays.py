"""Features and labels in one .npz file: how Purchase100, Texas100 and Location30 are passed around."""

import os
import warnings
from pathlib import Path

import numpy as np

from mia_core.base.errors import ArrayError, DataError
from mia_core.base.messages import name_text, one_line
from mia_core.data.dataset import Dataset
from mia_core.data.source import Source
from mia_core.data.tabular import as_classes, check_close, narrowest, tell_repeated

NAMES = (("features", "labels"), ("X", "Y"), ("X", "y"), ("x", "y"), ("data", "labels"))
"""What the two arrays are called in files that are passed around; the first pair found is taken."""


def load_arrays(path: str) -> Dataset:
    """The data set in an .npz file: `features` [N, D], numbers without gaps, and `labels` [N] or [N, 1], whole numbers
    or text. All rows are in the pool; a class is named by its label.

    Zeros and ones, and other whole numbers up to 255, are kept as bytes. Raises `DataError` that names file and array.
    """
    from mia_core.gate.npz import open_archive

    try:
        with open_archive(path) as archive:
            found = archive.entries()
            names = next((names for names in NAMES if set(names) <= set(found)), None)
            if names is None:
                raise archive.missing("features [N, D] and labels [N]", ["features", "labels"])
            features, labels = archive.read(dict(zip(("features", "labels"), names, strict=True))).values()
    except ArrayError as error:
        # What that gate asks of saved outputs does not concern a data set.
        raise DataError(str(error).split(" (1 or true")[0]) from None
    source = one_line(os.fspath(path))
    if features.dtype.kind not in "fiub" or features.ndim != 2 or 0 in features.shape:
        found = f"{features.dtype} {features.shape}"
        raise DataError(f"{source}: {names[0]}: found {found}; expected numbers [N, D], a row for each example")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.shape != features.shape[:1] or labels.dtype.kind not in "iufUSb":
        found = f"{labels.dtype} {labels.shape}"
        raise DataError(f"{source}: {names[1]}: found {found}; expected a class for each row, ({len(features)},)")
    with np.errstate(over="ignore"):
        narrow = narrowest(features)
    bad = ~np.isfinite(narrow)
    if bad.any():
        row, column = (int(place[0]) for place in np.nonzero(bad))
        where = f"row {row}, column {column}: {features[row, column]}"
        found = f"{int(bad.sum()):,} missing, infinite or too large ({where})"
        raise DataError(f"{source}: {names[0]}: found {found}; expected numbers; a table may have missing values")
    if narrow.dtype != np.uint8:
        for column, values in enumerate(features.T):
            check_close(f"{source}: {names[0]}, column {column}", values)
    numbers, classes = as_classes(f"{source}: {names[1]}", labels)
    dataset = Dataset(name_text(Path(path).stem) or "arrays", narrow, numbers, classes, len(numbers))
    for remark in tell_repeated(source, dataset):
        warnings.warn(remark, stacklevel=2)
    return dataset


SOURCE = Source(
    name="arrays",
    description="an .npz file of features and labels",
    load=lambda settings: load_arrays(settings.path),
    needs="path",
    is_table=True,
)

"""What sources of tables share: classes from labels, columns from values, and what is refused or remarked on."""

import hashlib
from collections.abc import Iterator

import numpy as np

from mia_core.base.errors import DataError, MiaWarning
from mia_core.base.messages import brief, one_line
from mia_core.data.dataset import Dataset

MOST_CLASSES = 1000
FEWEST_PER_CLASS = 4  # one for each part of the four-way split
MOST_REPEATED = 0.01  # share of rows that equal another one, label included, above which it is worth a warning
TOO_CLOSE = 1e-3  # of a column's standard deviation: what 32 bits may round away


def as_classes(source: str, labels: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels [N] as numbers int64 [N] from 0, and the names of the classes: numbers in their order, else by the letter.

    Raises `DataError` where a label is missing, and for fewer than 2 or more than `MOST_CLASSES` classes, or one of
    fewer than `FEWEST_PER_CLASS` examples.
    """
    empty = np.array([value is None or value != value or value == "" for value in labels.tolist()])
    if empty.any():
        rows = f"{int(empty.sum()):,} of {len(labels):,} missing, the first in row {int(empty.argmax())}"
        raise DataError(f"{source}: found {rows}; expected a class for each row")
    numeric = labels.dtype.kind in "fiu"
    values, numbers, counts = np.unique(
        labels if numeric else labels.astype(str), return_inverse=True, return_counts=True
    )
    if len(values) > min(MOST_CLASSES, len(labels) // 2):
        found = f"{len(values):,} different values in {len(labels):,} rows ({brief(values[0].item())}, ...)"
        raise DataError(f"{source}: found {found}; expected classes, at most {MOST_CLASSES:,}")
    names = tuple(
        str(int(value)) if isinstance(value, float) and value.is_integer() else one_line(value, 255)
        for value in values.tolist()
    )
    if len(values) < 2:
        raise DataError(f"{source}: found one class, {one_line(names[0], 60)}; expected at least 2")
    if counts.min() < FEWEST_PER_CLASS:
        few = f"{int(counts.min())} of class {one_line(names[int(counts.argmin())], 60)}"
        raise DataError(f"{source}: found {few}; expected at least {FEWEST_PER_CLASS} of each, one for each part")
    return numbers.astype(np.int64), names


def narrowest(values: np.ndarray) -> np.ndarray:
    """Numbers as bytes where nothing is lost by it, else as float32."""
    if values.dtype.kind in "biu" or ((values >= 0) & (values <= 255) & (values == np.floor(values))).all():
        small = values.dtype.kind == "b" or (values.min() >= 0 and values.max() <= 255)
        return values.astype(np.uint8 if small else np.float32)
    return values.astype(np.float32)


def check_close(source: str, values: np.ndarray) -> None:
    """Raise `DataError` for `values` [N] whose differences are lost in 32 bits, as those of times in nanoseconds."""
    known = values[~np.isnan(values)]
    least, most = known.min(), known.max()
    spread = (known - least).astype(np.float64).std()
    if np.spacing(np.float32(max(abs(float(least)), abs(float(most))))) > TOO_CLOSE * spread > 0:
        found = f"values from {least} to {most}, too close to each other for 32 bits"
        raise DataError(f"{source}: found {found}; subtract the smallest from all")


def tell_repeated(source: str, dataset: Dataset) -> Iterator[MiaWarning]:
    """A remark where many rows equal another one, label included: a member under one number and a non-member under
    another."""
    labels = dataset.labels.astype("<i8").view(np.uint8).reshape(len(dataset.labels), 8)
    rows = zip(dataset.inputs, labels, strict=True)
    different = {hashlib.blake2b(row.tobytes() + label.tobytes(), digest_size=16).digest() for row, label in rows}
    repeated, total = len(labels) - len(different), len(labels)
    if repeated > MOST_REPEATED * total:
        yield MiaWarning(
            f"{source}: {repeated:,} of {total:,} rows equal another one; a row that is a member under one number and "
            f"a non-member under another blurs every result"
        )

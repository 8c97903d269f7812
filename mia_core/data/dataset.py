"""What every data set is, whatever it was read from: labelled images or rows, and a fingerprint of their content."""

import hashlib
import json
from dataclasses import dataclass

import numpy as np

from mia_core.base.errors import DataError
from mia_core.base.messages import brief, one_line


@dataclass(frozen=True)
class Dataset:
    """Labelled images, or labelled rows of a table, the first `pool` of which may be trained on.

    name     for file names and tables; never a path
    inputs   images uint8 [N, C, H, W], C = 1 (greyscale) or 3 (red, green, blue); or a table [N, D] of numbers as they
             were measured, float32 or uint8: what standardises them is part of each model (`mia_core.model.network`)
    labels   whole numbers [N] of any integer type, from 0 to K - 1, kept as int64
    classes  names of the K classes, at least 2 and all different
    pool     members and non-members are drawn from the first `pool` examples; no model trains on the others
    missing  of tables: whether NaN stands for a missing value; elsewhere it is refused
    fingerprint  SHA-256 (hex) of type, shape and bytes of the inputs, of labels, class names and pool, computed
                 whatever is given; neither the name nor where the data came from is part of it

    Nothing is converted that could make two data sets one: pixels as floats are refused, not rounded. The arrays are
    copies that cannot be written, so that they stay what the fingerprint says.
    Raises `DataError` for arrays that do not fit, one line that says what was found and what is expected.
    """

    name: str
    inputs: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    pool: int
    missing: bool = False
    fingerprint: str = ""

    def __post_init__(self) -> None:
        source = f"data set {one_line(self.name, 60)}"
        inputs, labels = np.asarray(self.inputs), np.asarray(self.labels)
        classes = tuple(self.classes)
        _check_inputs(source, inputs, self.missing)
        if len(classes) < 2 or not all(isinstance(name, str) for name in classes) or len(set(classes)) < len(classes):
            found = f"{len(classes)} names ({brief(classes)})"
            raise DataError(f"{source}: classes: found {found}; expected at least 2 names, all different")
        if labels.dtype.kind not in "iu" or labels.shape != inputs.shape[:1]:
            expected = f"a whole number for each of the {len(inputs):,} examples, ({len(inputs)},)"
            raise DataError(f"{source}: labels: found {labels.dtype} {labels.shape}; expected {expected}")
        outside = (labels < 0) | (labels >= len(classes))
        if outside.any():
            row = int(np.flatnonzero(outside)[0])
            found = f"{int(outside.sum()):,} outside the range (row {row}: {labels[row]})"
            raise DataError(
                f"{source}: labels: found {found}; expected 0 ... {len(classes) - 1}, one for each class name"
            )
        whole = isinstance(self.pool, int | np.integer) and not isinstance(self.pool, bool)
        if not whole or not 0 <= self.pool <= len(inputs):
            found = brief(self.pool)
            raise DataError(f"{source}: pool: found {found}; expected a number of examples, at most {len(inputs):,}")
        kept = {"inputs": _fixed(inputs, inputs.dtype.type), "labels": _fixed(labels, np.int64), "classes": classes}
        for name, value in (kept | {"pool": int(self.pool)}).items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "fingerprint", self._fingerprint())

    @property
    def is_table(self) -> bool:
        """Whether the examples are rows of a table, and no images."""
        return self.inputs.ndim == 2

    @property
    def images(self) -> np.ndarray:
        """The inputs of a data set of images. Raises `DataError`, one line, for a table: what asks for images needs
        them."""
        if self.is_table:
            found = f"a table of {self.inputs.shape[1]:,} columns"
            raise DataError(f"data set {one_line(self.name, 60)}: found {found}; expected images")
        return self.inputs

    def _fingerprint(self) -> str:
        kind = {"images": self.inputs.shape}
        if self.is_table:
            kind = {"table": self.inputs.shape, "type": self.inputs.dtype.name, "missing": bool(self.missing)}
        digest = hashlib.sha256(json.dumps(kind | {"classes": self.classes, "pool": self.pool}).encode())
        digest.update(self.inputs.astype(self.inputs.dtype.newbyteorder("<"), copy=False).data)
        digest.update(self.labels.astype("<i8", copy=False).data)
        return digest.hexdigest()


def _check_inputs(source: str, inputs: np.ndarray, missing: bool) -> None:
    if inputs.ndim == 2 and inputs.dtype in (np.float32, np.uint8) and 0 not in inputs.shape:
        refused = np.isinf(inputs) if missing else ~np.isfinite(inputs)
        if refused.any():
            row, column = (int(place[0]) for place in np.nonzero(refused))
            found = f"{int(refused.sum()):,} infinite or missing (row {row}, column {column}: {inputs[row, column]})"
            raise DataError(f"{source}: table: found {found}; expected numbers" + " or missing values" * missing)
        return
    if inputs.dtype == np.uint8 and inputs.ndim == 4 and inputs.shape[1] in (1, 3) and 0 not in inputs.shape:
        return
    found, hint = f"{inputs.dtype} {inputs.shape}", ""
    if inputs.ndim == 2:
        raise DataError(f"{source}: table: found {found}; expected float32 or uint8 [N, D], or images [N, C, H, W]")
    if inputs.dtype.kind in "fiu" and inputs.dtype != np.uint8 and inputs.size:
        if np.isfinite(inputs).all():
            least, most = inputs.min(), inputs.max()
            found += f" from {least:g} to {most:g}"
            hint = "; multiply by 255, round and convert" if least >= 0 and most <= 1 else ""
        else:
            found += f", {int((~np.isfinite(inputs)).sum()):,} values NaN or infinite"
    elif inputs.ndim == 4 and inputs.shape[3] in (1, 3):
        hint = "; move the channels from the end to the second place"
    elif inputs.ndim == 3:
        hint = "; greyscale has one channel, [N, 1, H, W]"
    raise DataError(
        f"{source}: images: found {found}; expected uint8 [N, C, H, W], pixels from 0 to 255 in C = 1 or 3 "
        f"channels{hint}"
    )


def _fixed(array: np.ndarray, kind: type) -> np.ndarray:
    """A copy that nobody can write; what is one already is shared."""
    if array.dtype == kind and array.flags.owndata and array.flags.c_contiguous and not array.flags.writeable:
        return array
    copy = np.array(array, kind, order="C")
    copy.flags.writeable = False
    return copy


def resize(images: np.ndarray, size: int) -> np.ndarray:
    """uint8 [N, C, H, W] to [N, C, size, size], bilinear; every channel by itself."""
    from PIL import Image

    if images.shape[2:] == (size, size):
        return images
    flat = images.reshape(-1, *images.shape[2:])
    small = [np.asarray(Image.fromarray(plane).resize((size, size), Image.Resampling.BILINEAR)) for plane in flat]
    return np.stack(small).reshape(*images.shape[:2], size, size)

"""Pictures in folders: every one is found, read and judged before any training, and decoded once."""

import hashlib
import inspect
import json
import os
import re
import stat
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mia_core.base.errors import DataError, MiaWarning, RunError
from mia_core.base.files import cache_dir, open_npz, reason, write_atomically
from mia_core.base.messages import listing, name_text, one_line, shown
from mia_core.data.dataset import Dataset
from mia_core.data.image_folder.find import Layout, check_counts, find_pictures

MOST_FILE_BYTES = 1 << 30
MOST_BYTES = 1 << 32  # of decoded pixels
PARALLEL_BYTES = 1 << 23  # fewer bytes of pictures are decoded here sooner than other processes start
BATCH = 64  # pictures that another process is given at a time
MOST_REPEATED = 0.01  # share of pictures that equal another one, above which it is worth a warning


class Content(NamedTuple):
    """SHA-256 (hex) of one file's bytes and their number, or why it cannot be read."""

    digest: str = ""
    size: int = 0
    failure: str = ""


@dataclass(frozen=True)
class Decoded:
    """The data set that a folder's pictures make, and what to tell about them.

    damaged   path and reason of each picture that cannot be read, and so is not in the data set
    animated  path of each picture of several frames or pages, of which the first counts
    repeated  number of pictures that equal another one, pixel for pixel
    """

    dataset: Dataset
    damaged: Sequence[Sequence[str]]
    animated: Sequence[str]
    repeated: int


def load_folder(path: str, size: int | None = None, skip_damaged: bool = False) -> Dataset:
    """The pictures in a folder of class folders (see `mia_core.data.image_folder.find.find_pictures`) as a data set.

    They are decoded once (see `mia_core.data.image_folder.decode.decode`) and kept in the cache folder under a hash of
    the content of all files. The data set is named after the folder. Its order is by class and within a class by path,
    as torchvision's `ImageFolder` has it, so that a row can be traced to its picture. Greyscale stays one channel where
    every picture is greyscale.

    size          resize to size x size; None: all pictures must be of one size
    skip_damaged  leave out pictures that cannot be read, with a warning that states their number
    Raises `DataError` for a wrong layout and for pictures that cannot be read (all are counted, the first few named),
    that differ in size, or that together do not fit into memory.
    """
    root = Path(os.path.abspath(os.path.expanduser(path)))
    name = name_text(root.name) or "folder"
    layout = find_pictures(root)
    contents = [content_of(f"{root}/{picture.path}") for picture in layout.pictures]
    key = _key(layout, contents, size)
    kept = cache_dir() / "images" / f"{re.sub(r'[^A-Za-z0-9._-]+', '_', name)[:60]}-{key[:16]}.npz"
    found = _read(kept, name)
    decoded = found or _decode(root, name, layout, contents, size, skip_damaged)
    if decoded.damaged:
        _report_damaged(root, decoded.damaged, len(layout.pictures), skip_damaged)
    dataset = decoded.dataset
    counts = np.bincount(dataset.labels[: dataset.pool], minlength=len(dataset.classes))
    check_counts(root, dict(zip(dataset.classes, counts.tolist(), strict=True)))
    if found is None:
        _write(kept, decoded)
    for remark in [*layout.remarks, *_remarks(root, decoded)]:
        warnings.warn(remark, MiaWarning, stacklevel=2)
    return dataset


def content_of(path: str) -> Content:
    """The content of the file at `path`. What is no ordinary file is not opened: a pipe would be a wait for ever."""
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            return Content(failure="not a file")
        if status.st_size > MOST_FILE_BYTES:
            return Content(failure=f"more than {MOST_FILE_BYTES >> 30} GiB")
        with open(path, "rb", buffering=0) as file:
            data = file.read()
    except OSError as error:
        return Content(failure=reason(error))
    return Content(hashlib.sha256(data).hexdigest(), len(data))


def _remarks(root: Path, decoded: Decoded) -> Iterator[str]:
    if decoded.animated:
        yield (
            f"{shown(root)}: of {len(decoded.animated):,} pictures with several frames or pages the first is used: "
            f"{listing(decoded.animated)}"
        )
    total = len(decoded.dataset.labels)
    if decoded.repeated > MOST_REPEATED * total:
        yield (
            f"{shown(root)}: {decoded.repeated:,} of {total:,} pictures equal another one, pixel for pixel; a picture "
            f"that is a member under one name and a non-member under another blurs every result"
        )


def _report_damaged(root: Path, damaged: Sequence[Sequence[str]], total: int, skip: bool) -> None:
    few = "; ".join(f"{shown(path)} ({one_line(why, 80)})" for path, why in damaged[:5])
    more = f"; and {len(damaged) - 5:,} more" if len(damaged) > 5 else ""
    found = f"{shown(root)}: {len(damaged):,} of {total:,} pictures cannot be read: {few}{more}"
    if not skip:
        raise DataError(f"{found}; mend or remove them, or leave them out with skip_damaged")
    warnings.warn(f"{found}; left out", MiaWarning, stacklevel=3)


def _key(layout: Layout, contents: list[Content], size: int | None) -> str:
    """A hash of all that decides what is decoded: names and content of files, layout, size, code and PIL's version."""
    import PIL

    from mia_core.data.image_folder import decode as pictures

    code = [inspect.getsource(module) for module in (pictures, sys.modules[__name__])]
    shaped = [PIL.__version__, code, size, layout.classes, layout.pictures, contents]
    return hashlib.sha256(json.dumps(shaped).encode()).hexdigest()


def _decode(
    root: Path, name: str, layout: Layout, contents: list[Content], size: int | None, skip_damaged: bool
) -> Decoded:
    """All pictures decoded. Raises `DataError` for damaged ones unless they are skipped, and for sizes that differ."""
    from joblib import Parallel, cpu_count, delayed, parallel_config

    from mia_core.base.progress import progress
    from mia_core.base.workers import can_have_workers, worker_settings

    # Small files hold Python's lock most of the time, so other processes, not threads, share the work.
    many = sum(content.size for content in contents) > PARALLEL_BYTES
    jobs = cpu_count() if many and can_have_workers() else 1
    with parallel_config("loky", **worker_settings()) if jobs > 1 else parallel_config("sequential"):
        work = Parallel(jobs, return_as="generator", batch_size=BATCH)(
            delayed(_decode_file)(root, picture.path, content, size)
            for picture, content in zip(layout.pictures, contents, strict=True)
        )
    pixels, rows, damaged, animated = [], [], [], []
    other, total = None, 0
    bar = progress(work, "decoding pictures", len(contents), "picture")
    for picture, (array, several, failure) in zip(layout.pictures, bar, strict=True):
        if failure:
            damaged.append((picture.path, failure))
            continue
        if several:
            animated.append(picture.path)
        total += array.nbytes
        if pixels and array.shape[:2] != pixels[0].shape[:2]:
            other = other or (picture, array)  # an error, but the rest is still looked at for damage
        elif total <= MOST_BYTES:
            pixels.append(array)
            rows.append(picture)
    if damaged and not skip_damaged:
        _report_damaged(root, damaged, len(contents), skip=False)
    if total > MOST_BYTES:
        hint = "set size, such as 32" if size is None else f"set size below {size}"
        raise DataError(f"{shown(root)}: the pictures take more than {MOST_BYTES >> 30} GiB decoded; {hint}")
    if not pixels:
        raise DataError(f"{shown(root)}: none of the {len(contents):,} pictures can be read")
    if other:
        found = [(rows[0], pixels[0]), other]
        sizes = ", ".join(f"{shown(row.path)} is {array.shape[1]} x {array.shape[0]}" for row, array in found)
        raise DataError(f"{shown(root)}: pictures differ in size: {sizes}; set size (such as 32) to bring all to one")
    channels = 3 if any(array.ndim == 3 for array in pixels) else 1
    images = np.empty((len(pixels), channels, *pixels[0].shape[:2]), np.uint8)
    for image, array in zip(images, pixels, strict=True):
        image[:] = np.atleast_3d(array).transpose(2, 0, 1)  # greyscale among coloured pictures fills all channels
    labels = np.array([row.label for row in rows], np.int64)
    dataset = Dataset(name, images, labels, layout.classes, sum(not row.held_out for row in rows))
    repeated = len(images) - len({hashlib.sha256(image).digest() for image in images})
    return Decoded(dataset, damaged, animated, repeated)


def _decode_file(root: Path, path: str, content: Content, size: int | None) -> tuple[np.ndarray | None, bool, str]:
    """Pixels of one file and whether it has several frames (see `mia_core.data.image_folder.decode.decode`), or why it
    has none. Raises `DataError` when its bytes are no longer those that were hashed."""
    from mia_core.data.image_folder.decode import Unreadable, decode

    try:
        if content.failure:
            raise Unreadable(content.failure)
        data = (root / path).read_bytes()
        if hashlib.sha256(data).hexdigest() != content.digest:
            raise DataError(f"{shown(root / path)}: changed while it was being read; start again")
        return *decode(data, size), ""
    except OSError as error:
        raise DataError(f"{shown(root / path)}: {reason(error)}, after it could be read; start again") from None
    except Unreadable as error:
        return None, False, str(error)


def _write(path: Path, decoded: Decoded) -> None:
    dataset = decoded.dataset
    about = {
        "classes": dataset.classes,
        "pool": dataset.pool,
        "fingerprint": dataset.fingerprint,
        "damaged": decoded.damaged,
        "animated": decoded.animated,
        "repeated": decoded.repeated,
    }
    arrays = {"images": dataset.images, "labels": dataset.labels, "about": np.array(json.dumps(about))}
    try:
        write_atomically(path, lambda file: np.savez(file, **arrays))
    except RunError as error:
        warnings.warn(f"{error}; the pictures will be decoded again next time", MiaWarning, stacklevel=3)


def _read(path: Path, name: str) -> Decoded | None:
    """The decoded pictures kept in `path`, verified, or None; a damaged file is reported and counts as missing."""
    if not path.is_file():
        return None
    try:
        with open_npz(path) as file:
            about = json.loads(str(file["about"]))
            dataset = Dataset(name, file["images"], file["labels"], tuple(about["classes"]), about["pool"])
        if dataset.fingerprint != about["fingerprint"]:
            raise ValueError("its pixels do not match their fingerprint")
        return Decoded(dataset, about["damaged"], about["animated"], about["repeated"])
    except Exception as error:  # a flipped bit makes zipfile and numpy's header parser raise errors of a dozen kinds
        warnings.warn(f"{path}: damaged ({reason(error)}); the pictures are decoded again", MiaWarning, stacklevel=3)
        return None

"""The gate for images in folders: every picture is found, read and judged before any training, and decoded once."""

import hashlib
import inspect
import json
import os
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mia_core.base.errors import DataError, MiaWarning, RunError
from mia_core.base.files import cache_dir, reason, write_atomically
from mia_core.base.messages import class_name, listing, one_line, shown
from mia_core.data.dataset import Dataset
from mia_core.data.image_folder.find import Layout, PictureFile, check_counts, find_pictures
from mia_core.data.image_folder.hashes import Content, contents_of, read_again

CHUNK, CHUNK_BYTES = 64, 1 << 22  # the most pictures, and about the most bytes of files, in one unit of parallel work
PARALLEL_BYTES = 1 << 23  # fewer bytes of pictures are decoded here sooner than other processes start
MOST_REPEATED = 0.01  # share of pictures that equal another one, above which it is worth a warning
MOST_BYTES = 1 << 32  # of decoded pixels


@dataclass(frozen=True)
class Decoded:
    """The data set that a folder's pictures make, and what to tell about them.

    damaged   path and reason of each picture that cannot be read, and so is not in the data set
    animated  path of each picture of several frames or pages, of which the first counts
    repeated  number of pictures that equal another one, pixel for pixel
    """

    dataset: Dataset
    damaged: tuple[tuple[str, str], ...]
    animated: tuple[str, ...]
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
    name = class_name(root.name) or "folder"
    layout = find_pictures(root)
    contents = contents_of(root, (picture.path for picture in layout.pictures))
    key = _key(layout, contents, size)
    kept = cache_dir() / "images" / f"{re.sub(r'[^A-Za-z0-9._-]+', '_', name)[:60]}-{key[:16]}.npz"
    decoded = _read(kept, name)
    found_in_cache = decoded is not None
    if decoded is None:
        decoded = _decode(root, name, layout, contents, size, skip_damaged)
    if decoded.damaged:
        _report_damaged(root, decoded.damaged, len(layout.pictures), skip_damaged)
    dataset = decoded.dataset
    counts = np.bincount(dataset.labels[: dataset.pool], minlength=len(dataset.classes))
    check_counts(root, dict(zip(dataset.classes, counts.tolist(), strict=True)))
    if not found_in_cache:
        _write(kept, decoded)
    for remark in [*layout.remarks, *_remarks(root, decoded)]:
        warnings.warn(remark, MiaWarning, stacklevel=2)
    return dataset


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


def _report_damaged(root: Path, damaged: Sequence[tuple[str, str]], total: int, skip: bool) -> None:
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

    header = {"classes": layout.classes, "size": size, "pil": PIL.__version__}
    digest = hashlib.sha256(json.dumps(header).encode())
    for module in (pictures, sys.modules[__name__]):
        digest.update(inspect.getsource(module).encode())
    for picture, content in zip(layout.pictures, contents, strict=True):
        digest.update(f"\0{picture.label} {picture.held_out} {content.failure}\0".encode())
        digest.update(os.fsencode(picture.path) + b"\0" + content.digest)
    return digest.hexdigest()


def _decode(
    root: Path, name: str, layout: Layout, contents: list[Content], size: int | None, skip_damaged: bool
) -> Decoded:
    """All pictures decoded. Raises `DataError` for damaged ones unless they are skipped, and for sizes that differ."""
    from joblib import Parallel, cpu_count, delayed

    from mia_core.base.progress import progress

    volume = sum(content.size for content in contents)
    step = max(1, min(CHUNK, CHUNK_BYTES * len(contents) // max(1, volume)))
    chunks = [range(start, min(start + step, len(contents))) for start in range(0, len(contents), step)]
    # Small files hold Python's lock most of the time, so other processes, not threads, share the work.
    jobs = cpu_count() if volume > PARALLEL_BYTES else 1
    work = Parallel(jobs, return_as="generator")(
        delayed(_decode_chunk)(root, [(layout.pictures[i].path, contents[i]) for i in chunk], size) for chunk in chunks
    )
    pixels, rows, damaged, animated = [], [], [], []
    other_size, total = None, 0
    for chunk, results in zip(chunks, progress(work, "decoding pictures", len(chunks), "chunk"), strict=True):
        for picture, (array, several, failure) in zip((layout.pictures[i] for i in chunk), results, strict=True):
            if failure:
                damaged.append((picture.path, failure))
                continue
            if several:
                animated.append(picture.path)
            if pixels and array.shape[:2] != pixels[0].shape[:2]:
                other_size = other_size or (picture, array.shape)
                continue  # from here on it is an error, but the rest is still looked at for damage
            total += array.nbytes
            if total > MOST_BYTES:
                continue
            pixels.append(array)
            rows.append(picture)
    if damaged and not skip_damaged:
        _report_damaged(root, damaged, len(layout.pictures), skip=False)
    if total > MOST_BYTES:
        hint = "set size, such as 32" if size is None else f"set size below {size}"
        raise DataError(f"{shown(root)}: the pictures take more than {MOST_BYTES >> 30} GiB decoded; {hint}")
    if not pixels:
        raise DataError(f"{shown(root)}: none of the {len(layout.pictures):,} pictures can be read")
    if other_size:
        (first, (height, width, *_)), (other, (height2, width2, *_)) = (rows[0], pixels[0].shape), other_size
        raise DataError(
            f"{shown(root)}: pictures differ in size: {shown(first.path)} is {width} x {height}, {shown(other.path)} "
            f"is {width2} x {height2}; set size (such as 32) to bring all to one"
        )
    dataset, repeated = _assemble(name, layout.classes, pixels, rows)
    return Decoded(dataset, tuple(damaged), tuple(animated), repeated)


def _decode_chunk(
    root: Path, files: list[tuple[str, Content]], size: int | None
) -> list[tuple[np.ndarray | None, bool, str]]:
    """For each file its pixels and whether it has several frames (see `mia_core.data.image_folder.decode.decode`), or
    why not."""
    from mia_core.data.image_folder.decode import Unreadable, decode

    results: list[tuple[np.ndarray | None, bool, str]] = []
    for path, content in files:
        try:
            if content.failure:
                raise Unreadable(content.failure)
            data = read_again(root / path, content)
            results.append((*decode(data, size), ""))
        except Unreadable as error:
            results.append((None, False, str(error)))
    return results


def _assemble(
    name: str, classes: tuple[str, ...], pixels: list[np.ndarray], rows: list[PictureFile]
) -> tuple[Dataset, int]:
    """The data set of decoded pictures, uint8 [H, W] or [H, W, 3] each: the pool, then what is held out, each by class
    and path; and the number of pictures that equal another one."""
    if any(array.ndim == 3 for array in pixels):
        pixels = [array if array.ndim == 3 else np.repeat(array[..., None], 3, axis=2) for array in pixels]
    else:
        pixels = [array[..., None] for array in pixels]
    order = sorted(range(len(rows)), key=lambda i: (rows[i].held_out, rows[i].label, rows[i].path))
    height, width, channels = pixels[0].shape
    images = np.empty((len(order), channels, height, width), np.uint8)
    for place, i in enumerate(order):
        images[place] = pixels[i].transpose(2, 0, 1)
    labels = np.array([rows[i].label for i in order], np.int64)
    repeated = len(pixels) - len({hashlib.sha256(array.tobytes()).digest() for array in pixels})
    return Dataset(name, images, labels, classes, sum(not row.held_out for row in rows)), repeated


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
    if not path.exists():
        return None
    try:
        with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
            about = json.loads(str(file["about"]))
            dataset = Dataset(name, file["images"], file["labels"], tuple(about["classes"]), about["pool"])
        if dataset.fingerprint != about["fingerprint"]:
            raise ValueError("its pixels do not match their fingerprint")
        damaged = tuple((picture, why) for picture, why in about["damaged"])
        return Decoded(dataset, damaged, tuple(about["animated"]), about["repeated"])
    except Exception as error:  # a flipped bit makes zipfile and numpy's header parser raise errors of a dozen kinds
        warnings.warn(f"{path}: damaged ({reason(error)}); the pictures are decoded again", MiaWarning, stacklevel=3)
        return None

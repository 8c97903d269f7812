"""The data sets that torchvision downloads: found where they are, fetched whole or not at all, never in silence."""

import contextlib
import hashlib
import io
import os
import shutil
import socket
import struct
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mia_core.base.errors import DataError, MiaWarning
from mia_core.base.files import cache_dir, reason, temporary_folder
from mia_core.base.messages import listing, one_line, shown
from mia_core.base.progress import watched
from mia_core.data.dataset import Dataset, resize
from mia_core.data.source import Source

PATIENCE = 30  # seconds without a byte, after which a download has failed


CONTENT = {
    "mnist": (
        ("6bbc9ace898e44ae57da46a324031adb", "a25bea736e30d166cdddb491f175f624"),
        ("2646ac647ad5339dbf082846283269ea", "27ae3e4e09519cfbb04c329615203637"),
    ),
    "fashion-mnist": (
        ("f4a8712d7a061bf5bd6d2ca38dc4d50a", "9018921c3c673c538a1fc5bad174d6f9"),
        ("8181f5470baa50b63fa0f6fddb340f0a", "15d484375f8d13e6eb1aabb0c3f46965"),
    ),
}
"""MD5 of the unpacked files of images and labels, of the training and the test part. torchvision knows those of the
packed files only, and reads whatever lies under the right names; of CIFAR it checks the unpacked files itself."""


class Origin(NamedTuple):
    """What torchvision looks for: its class, the folder with the data below the root, and where from.

    archives  name and MD5 of each file to download, in `archive_folder` below the root
    """

    kind: Any
    folder: str
    archive_folder: str
    archives: list[tuple[str, str]]
    urls: list[str]


def origin(name: str) -> Origin:
    """The origin of `cifar10`, `cifar100`, `mnist` or `fashion-mnist`."""
    from torchvision import datasets

    kind = {
        "cifar10": datasets.CIFAR10,
        "cifar100": datasets.CIFAR100,
        "mnist": datasets.MNIST,
        "fashion-mnist": datasets.FashionMNIST,
    }[name]
    if issubclass(kind, datasets.CIFAR10):
        return Origin(kind, kind.base_folder, "", [(kind.filename, kind.tgz_md5)], [kind.url])
    folder = f"{kind.__name__}/raw"
    return Origin(kind, folder, folder, list(kind.resources), list(kind.mirrors))


def load_downloaded(name: str, size: int | None = None) -> Dataset:
    """A data set of torchvision: its training part is the pool, its test part is held out.

    It is looked for in the folder of the environment variable MIA_DATA, else in `torchvision` in the cache folder,
    and downloaded there where it is missing. torchvision's checksums decide whether it is complete, and `CONTENT`
    whether it is what its name says.

    size  resize to size x size; None: as it is (CIFAR 3x32x32, MNIST and Fashion-MNIST 1x28x28)
    Raises `DataError` that says what was looked for, where, and what to do, when there is no network, and for other
    data under this data set's file names.
    """
    found = origin(name)
    root = _root(found)
    parts = _load(found, root)
    if parts is None:
        _fetch(name, found, root)
        parts = _load(found, root)
    if parts is None:
        raise DataError(f"{name}: {shown(root / found.folder)} is damaged; remove it, and it is fetched again")
    _check_content(name, shown(root / found.folder), parts)
    images = np.concatenate([_channels_first(part.data) for part in parts])
    labels = np.concatenate([np.asarray(part.targets, np.int64) for part in parts])
    if size is not None:
        images = resize(images, size)
    return Dataset(name, images, labels, tuple(parts[0].classes), len(parts[0].data))


def _root(found: Origin) -> Path:
    """The data root. One that points into the data set's own folder is one or two levels too deep: go up."""
    given = os.environ.get("MIA_DATA", "").strip()
    root = Path(os.path.abspath(os.path.expanduser(given))) if given else cache_dir() / "torchvision"
    inner = Path(found.folder).parts
    for levels in range(len(inner), 0, -1):
        if root.parts[-levels:] == inner[:levels] and not (root / found.folder).exists():
            return root.parents[levels - 1]
    return root


def _load(found: Origin, root: Path) -> tuple[Any, Any] | None:
    """The training and the test part from the files in `root`, or None where they are missing or damaged."""
    try:
        with _quiet():
            return found.kind(root, train=True), found.kind(root, train=False)
    except Exception:  # missing, truncated or altered files: the readers of torchvision raise errors of many kinds
        return None


def _check_content(name: str, place: str, parts: tuple[Any, Any]) -> None:
    """Raise `DataError` for data whose files, as they are distributed, would not have the known content."""
    for part, known in zip(parts, CONTENT.get(name, ()), strict=False):
        images, labels = (np.asarray(values).astype(np.uint8) for values in (part.data, part.targets))
        files = (struct.pack(">4I", 0x803, *images.shape) + images.tobytes(),
                 struct.pack(">2I", 0x801, len(labels)) + labels.tobytes())  # fmt: skip
        if tuple(hashlib.md5(file, usedforsecurity=False).hexdigest() for file in files) != known:
            raise DataError(
                f"{name}: {place} holds other data under its file names ({len(parts[0].data):,} training and "
                f"{len(parts[1].data):,} test images whose content is not {name}'s); remove them, and it is fetched, "
                f"or name another folder in MIA_DATA; images of your own are read as folder:<path>"
            )


def _fetch(name: str, found: Origin, root: Path) -> None:
    """Download and unpack elsewhere, then move what is complete to its place; what is there stays until then."""
    from torchvision.datasets.utils import check_integrity

    archives = [(root / found.archive_folder / archive, md5) for archive, md5 in found.archives]
    complete = [path for path, md5 in archives if check_integrity(path, md5)]
    partial = [path for path, _ in archives if path.exists() and path not in complete]
    try:
        root.mkdir(parents=True, exist_ok=True)
        with temporary_folder(".download-", root) as stage:
            for path in complete:
                copy = stage / found.archive_folder / path.name
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
            with _quiet():
                found.kind(stage, download=True)
            _move_all(name, stage, root, complete)
    except Exception as error:  # no network, no certificate, no permission, a full disk, another file than expected
        raise DataError(_not_there(name, found, root, partial, error)) from None


def _move_all(name: str, stage: Path, root: Path, complete: list[Path]) -> None:
    moves = [(path, root / path.relative_to(stage)) for path in sorted(stage.rglob("*")) if path.is_file()]
    replaced = [target for _, target in moves if target.exists() and target not in complete]
    if replaced:
        names = listing(str(target.relative_to(root)) for target in replaced)
        warnings.warn(f"{name}: not complete, and so replaced in {shown(root)}: {names}", MiaWarning, stacklevel=5)
    for path, target in moves:
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, target)


def _not_there(name: str, found: Origin, root: Path, partial: list[Path], error: Exception) -> str:
    files = ", ".join(f"{archive} (MD5 {md5})" for archive, md5 in found.archives)
    sizes = ", ".join(f"{shown(path)} ({path.stat().st_size:,} bytes)" for path in partial)
    left = f"; not complete, and left as it is: {sizes}" if sizes else ""
    why = getattr(error, "reason", error)
    why = reason(why) if isinstance(why, BaseException) else one_line(why)
    return (
        f"{name}: looked for a complete {found.folder} in {shown(root)}, found none{left}; fetching it from "
        f"{found.urls[0]} failed: {why}. Use digits, which needs no download, or put {files} into "
        f"{shown(root / found.archive_folder)} by hand (the environment variable MIA_DATA names another folder)"
    )


def _channels_first(pixels: Any) -> np.ndarray:
    """uint8 [N, H, W] or [N, H, W, C] to [N, C, H, W]."""
    pixels = np.asarray(pixels)
    return np.ascontiguousarray(pixels[:, None] if pixels.ndim == 3 else pixels.transpose(0, 3, 1, 2))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Standard output is for results: torchvision's bars and words go to standard error, where someone watches.

    A server that sends nothing for `PATIENCE` seconds is given up.
    """
    sink, before = sys.stderr if watched() else io.StringIO(), socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    try:
        with contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
            yield
    finally:
        socket.setdefaulttimeout(before)


def _source(name: str, description: str) -> Source:
    return Source(name, description, lambda chosen: load_downloaded(name, chosen.size), ("size",), "download")


CIFAR10 = _source("cifar10", "60,000 colour pictures of 10 classes")
CIFAR100 = _source("cifar100", "60,000 colour pictures of 100 classes")
MNIST = _source("mnist", "70,000 handwritten digits")
FASHION_MNIST = _source("fashion-mnist", "70,000 pictures of clothes")

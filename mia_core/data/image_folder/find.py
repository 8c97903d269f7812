"""Find the pictures in a folder of class folders, and refuse every other layout with the expected one."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from mia_core.base.errors import DataError
from mia_core.base.messages import class_name, listing, shown

PICTURE_ENDINGS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".gif"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".tif", ".tiff", ".webp", ".avif"),
)
POOL_FOLDERS = ("train", "training")
HELD_OUT_FOLDERS = ("test", "testing", "val", "valid", "validation")
# What desktops, archives and notebooks leave behind; every name that starts with a dot counts as debris as well.
DEBRIS = frozenset(("__macosx", "__pycache__", "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "@eadir"))
PACKED = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
FEWEST_PER_CLASS = 4  # one for each part of the four-way split
MOST_LEVELS = 50  # of folders in folders
EXPECTED = (
    "expected a folder for each class with its pictures in it (<path>/cat/1.png, <path>/dog/1.png), or train/ and "
    "test/ that hold such folders"
)


class PictureFile(NamedTuple):
    """One picture that was found: its path below the root, the index of its class, and whether it is held out."""

    path: str
    label: int
    held_out: bool


@dataclass(frozen=True)
class Layout:
    """The classes (names sorted), all pictures, and remarks on what is odd, each a line for a warning."""

    classes: tuple[str, ...]
    pictures: tuple[PictureFile, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class _Folder:
    """What a folder below the root holds, without debris: folders by name, and names of pictures and of other files."""

    path: str
    folders: "dict[str, _Folder]"
    pictures: list[str]
    others: list[str]

    def all_files(self, kind: str) -> Iterator[str]:
        """Paths of all "pictures" or "others" in it and below."""
        for name in getattr(self, kind):
            yield _join(self.path, name)
        for folder in self.folders.values():
            yield from folder.all_files(kind)


def find_pictures(root: Path) -> Layout:
    """All pictures below `root`, by the layout of torchvision's `ImageFolder`.

    Each folder in `root` is a class and holds its pictures, in folders of its own too. Where there is a train/ that
    holds class folders, its classes are the pool, and those of test/, val/, valid/ and validation/ are held out. A
    file counts as a picture by its ending, in capitals or not. Links are followed. Hidden files and debris are
    ignored; other files, loose pictures and classes without pictures are left out with a remark.
    Raises `DataError` for every other layout, for fewer than 2 classes and for classes that are too small.
    """
    _check_is_folder(root)
    top = _read(root, "", ())
    pool, held_out, beside = _parts(root, top)
    for part in (pool, *held_out):
        _check_part(root, part)
    found = {
        folder: [(path, name) for part in parts for name, c in part.folders.items() for path in c.all_files("pictures")]
        for folder, parts in (("pool", [pool]), ("held out", held_out))
    }
    counts = Counter(name for _, name in found["pool"])
    check_counts(root, counts)
    unknown = sorted({name for _, name in found["held out"]} - set(counts))
    if unknown:
        raise DataError(f"{shown(root)}: {listing(unknown)}: pictures are held out, expected some in train/ too")
    names = {folder: class_name(folder) for folder in counts}
    classes = tuple(sorted(names.values()))
    if len(set(classes)) < len(classes):
        raise DataError(f"{shown(root)}: two class folders bear one name in different codes: {listing(sorted(counts))}")
    label = {folder: classes.index(name) for folder, name in names.items()}
    pictures = tuple(
        PictureFile(path, label[name], kind == "held out") for kind, files in found.items() for path, name in files
    )
    return Layout(classes, pictures, tuple(_remarks(root, pool, held_out, counts, beside)))


def check_counts(root: Path, counts: Mapping[str, int]) -> None:
    """Raise `DataError` unless at least 2 classes have at least `FEWEST_PER_CLASS` pictures each in the pool."""
    if not counts:
        raise DataError(f"{shown(root)}: no pictures found; {EXPECTED}; endings: {' '.join(PICTURE_ENDINGS)}")
    if len(counts) == 1:
        raise DataError(f"{shown(root)}: holds pictures of one class, {listing(counts)}; expected at least 2 classes")
    small = [f"{class_name(name)} ({count})" for name, count in sorted(counts.items()) if count < FEWEST_PER_CLASS]
    if small:
        raise DataError(
            f"{shown(root)}: too few pictures in {listing(small)}; expected at least {FEWEST_PER_CLASS} in each class, "
            f"one for each part of the split"
        )


def _check_is_folder(root: Path) -> None:
    try:
        if root.is_dir():
            return
        problem = "is a file" if root.exists() else "no such folder"
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or str(error)
    if problem == "is a file" and root.suffix.lower() in PACKED:
        problem += ", perhaps packed: unpack it first"
    raise DataError(f"{shown(root)}: {problem}; {EXPECTED}")


def _read(root: Path, path: str, above: tuple[tuple[int, int], ...]) -> _Folder:
    """The folder at `path` below the root and all in it; `above` identifies the folders that hold it."""
    try:
        status = os.stat(root / path)
        with os.scandir(root / path) as entries:
            kept = sorted((entry.name, _is_folder(entry)) for entry in entries if not _is_debris(entry.name))
    except OSError as error:
        raise DataError(f"{shown(root / path)}: cannot be listed: {error.strerror}") from None
    here = (status.st_dev, status.st_ino)
    if here in above:
        raise DataError(f"{shown(root / path)}: is a link to a folder that holds it")
    if len(above) > MOST_LEVELS:
        raise DataError(f"{shown(root)}: more than {MOST_LEVELS} levels of folders in folders; {EXPECTED}")
    folders = {name: _read(root, _join(path, name), (*above, here)) for name, is_folder in kept if is_folder}
    files = [name for name, is_folder in kept if not is_folder]
    pictures = [name for name in files if name.lower().endswith(PICTURE_ENDINGS)]
    return _Folder(path, folders, pictures, sorted(set(files) - set(pictures)))


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _is_debris(name: str) -> bool:
    return name.startswith(".") or name.lower() in DEBRIS or name == "Icon\r"


def _parts(root: Path, top: _Folder) -> tuple[_Folder, list[_Folder], list[str]]:
    """The folder that holds the pool's classes, those that hold held-out classes, and names of what is beside them."""
    named = {name: folder for name, folder in top.folders.items() if name.lower() in POOL_FOLDERS}
    held_out = {name: folder for name, folder in top.folders.items() if name.lower() in HELD_OUT_FOLDERS}
    pools = {name: folder for name, folder in named.items() if folder.folders}
    beside = [name for name in top.folders if name not in pools and name not in held_out]
    if not pools and not held_out:  # train/ with pictures in it may be a class of vehicles
        return top, [], []
    if len(pools) != 1:
        found = listing([*named, *held_out])
        raise DataError(f"{shown(root)}: found {found}, but not one train/ that holds class folders; {EXPECTED}")
    if beside and not held_out:
        raise DataError(
            f"{shown(root)}: {listing(pools)} holds folders and is beside {listing(beside)}: the pool or a class? "
            f"{EXPECTED}"
        )
    (pool,) = pools.values()
    return pool, list(held_out.values()), [*beside, *top.pictures]


def _check_part(root: Path, part: _Folder) -> None:
    """Refuse folders that only look like class folders."""
    place = shown(root / part.path)
    if not part.folders:
        files = len(part.pictures) + len(part.others)
        found = f"holds files ({files:,}) but no folders" if files else "is empty"
        raise DataError(f"{place}: {found}; {EXPECTED}")
    filled = {name: c for name, c in part.folders.items() if c.folders or c.pictures or c.others}
    bare = {name: list(c.folders) for name, c in filled.items() if c.folders and not c.pictures}
    if len(filled) == 1 and bare:
        ((name, inner),) = bare.items()
        hint = f"did you mean folder:{shown(root / part.path / name)}?"
        raise DataError(
            f"{place}: its one folder {listing(bare)} holds the folders {listing(inner)}; {hint} {EXPECTED}"
        )
    if 1 < len(filled) == len(bare):
        first, *rest = bare.values()
        if len(first) > 1 and all(inner == first for inner in rest):
            raise DataError(
                f"{place}: each of {listing(bare)} holds the folders {listing(first)}, so they look like parts of the "
                f"data, not like classes; {EXPECTED}"
            )


def _remarks(
    root: Path, pool: _Folder, held_out: list[_Folder], counts: Mapping[str, int], beside: list[str]
) -> Iterator[str]:
    parts = (pool, *held_out)
    loose = [_join(part.path, name) for part in parts for name in part.pictures]
    if beside or loose:
        yield f"{shown(root)}: left out, being in no class folder: {listing([*beside, *loose])}"
    empty = [name for name in pool.folders if name not in counts]
    if empty:
        yield f"{shown(root)}: left out, being class folders without pictures: {listing(empty)}"
    others = [path for part in parts for c in part.folders.values() for path in c.all_files("others")]
    if others:
        yield f"{shown(root)}: left out, not being pictures by their endings: {listing(others)}"
    nested = [c.path for part in parts for name in counts if (c := part.folders.get(name)) and c.folders]
    if nested:
        yield f"{shown(root)}: folders within a class folder count for the class, in {listing(nested)}"
    missing = [name for name in counts if not all(name in part.folders for part in held_out)]
    if missing:
        yield f"{shown(root)}: not among the held-out pictures of every part: {listing(missing)}"

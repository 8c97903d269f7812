"""Find the pictures in a folder of class folders, and refuse every other layout with the expected one."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from posixpath import join
from typing import NamedTuple

from mia_core.base.errors import DataError
from mia_core.base.files import reason
from mia_core.base.messages import listing, name_text, shown

PICTURE_ENDINGS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".gif"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".tif", ".tiff", ".webp", ".avif"),
)
POOL_FOLDERS = ("train", "training")
HELD_OUT_FOLDERS = ("test", "testing", "val", "valid", "validation")
# What desktops, archives and notebooks leave behind; every name that starts with a dot counts as debris as well.
DEBRIS = ("__macosx", "__pycache__", "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "@eadir", "icon\r")
PACKED = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
FEWEST_PER_CLASS = 4  # one for each part of the four-way split
MOST_LEVELS = 50  # of folders in folders
EXPECTED = (
    "expected a folder for each class with its pictures in it (<path>/cat/1.png, <path>/dog/1.png), or train/ and "
    "test/ that hold such folders"
)

Tree = dict[str, "Tree | None"]  # what a folder holds by name: folders as trees, and None for every file


class PictureFile(NamedTuple):
    """One picture: whether it is held out, the index of its class, and its path below the root."""

    held_out: bool
    label: int
    path: str


class Layout(NamedTuple):
    """The classes (names sorted), all pictures in the order of the data set, and remarks on what is odd."""

    classes: tuple[str, ...]
    pictures: list[PictureFile]
    remarks: list[str]


def find_pictures(root: Path) -> Layout:
    """All pictures below `root`, by the layout of torchvision's `ImageFolder`.

    Each folder in `root` is a class and holds its pictures, in folders of its own too. Where there is a train/ that
    holds class folders, its classes are the pool, and those of test/, val/, valid/ and validation/ are held out. A
    file counts as a picture by its ending, in capitals or not. Links are followed. Hidden files and debris are
    ignored; other files, loose pictures and classes without pictures are left out with a remark.
    Raises `DataError` for every other layout, for fewer than 2 classes and for classes that are too small.
    """
    if not os.path.isdir(root):
        packed = ", perhaps packed: unpack it first" if root.suffix.lower() in PACKED else ""
        problem = f"is a file{packed}" if os.path.isfile(root) else "no such folder"
        raise DataError(f"{shown(root)}: {problem}; {EXPECTED}")
    top = _read(root, str(root), ())
    pool, held_out = _parts(root, top)
    parts = {part: top[part] if part else top for part in (pool, *held_out)}
    files: dict[str, dict[str, list[str]]] = {}  # by part and class folder
    for part, tree in parts.items():
        _check_part(root / part, tree)
        files[part] = {name: list(_files(folder, join(part, name))) for name, folder in _folders(tree).items()}
    pictures = {p: {name: [*filter(_is_picture, paths)] for name, paths in files[p].items()} for p in parts}
    counts = {name: len(paths) for name, paths in pictures[pool].items() if paths}
    check_counts(root, counts)
    unknown = {name for part in held_out for name, paths in pictures[part].items() if paths and name not in counts}
    if unknown:
        raise DataError(
            f"{shown(root)}: {listing(sorted(unknown))}: pictures are held out, expected some in train/ too"
        )
    names = {folder: name_text(folder) for folder in counts}
    classes = tuple(sorted(set(names.values())))
    if len(classes) < len(names):
        raise DataError(f"{shown(root)}: two class folders bear one name in different codes: {listing(sorted(counts))}")
    ordered = sorted(
        PictureFile(part != pool, classes.index(names[folder]), path)
        for part in parts
        for folder, paths in pictures[part].items()
        for path in paths
    )
    left_out = {
        "in no class folder": [
            *(name for name in _folders(top) if pool and name not in parts),
            *(join(part, name) for part, tree in {"": top, **parts}.items() for name in _loose(tree)),
        ],
        "class folders without pictures": [name for name in files[pool] if name not in counts],
        "not pictures by their endings": [
            path for part in parts for paths in files[part].values() for path in paths if not _is_picture(path)
        ],
    }
    remarks = [f"{shown(root)}: left out, being {what}: {listing(names)}" for what, names in left_out.items() if names]
    return Layout(classes, ordered, remarks)


def check_counts(root: Path, counts: Mapping[str, int]) -> None:
    """Raise `DataError` unless at least 2 classes have at least `FEWEST_PER_CLASS` pictures each in the pool."""
    if not counts:
        raise DataError(f"{shown(root)}: no pictures found; {EXPECTED}; endings: {' '.join(PICTURE_ENDINGS)}")
    if len(counts) == 1:
        raise DataError(f"{shown(root)}: holds pictures of one class, {listing(counts)}; expected at least 2 classes")
    small = [f"{name_text(name)} ({count})" for name, count in sorted(counts.items()) if count < FEWEST_PER_CLASS]
    if small:
        raise DataError(
            f"{shown(root)}: too few pictures in {listing(small)}; expected at least {FEWEST_PER_CLASS} in each class, "
            f"one for each part of the split"
        )


def _read(root: Path, folder: str, above: tuple[str, ...]) -> Tree:
    """All that `folder`, whose real path is below those of `above`, holds without debris, sorted by name."""
    here = os.path.realpath(folder)
    if here in above:
        raise DataError(f"{shown(folder)}: is a link to a folder that holds it")
    if len(above) > MOST_LEVELS:
        raise DataError(f"{shown(root)}: more than {MOST_LEVELS} levels of folders in folders; {EXPECTED}")
    try:
        with os.scandir(folder) as entries:
            kept = {entry.name: _is_folder(entry) for entry in entries if not _is_debris(entry.name)}
    except OSError as error:
        raise DataError(f"{shown(folder)}: cannot be listed: {reason(error)}") from None
    above = (*above, here)
    return {name: _read(root, join(folder, name), above) if kept[name] else None for name in sorted(kept)}


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _is_debris(name: str) -> bool:
    return name.startswith(".") or name.lower() in DEBRIS


def _folders(tree: Tree) -> dict[str, Tree]:
    return {name: inside for name, inside in tree.items() if inside is not None}


def _files(tree: Tree, path: str) -> Iterator[str]:
    """Paths of all files in it and below; `path` is its own."""
    for name, inside in tree.items():
        if inside is None:
            yield join(path, name)
        else:
            yield from _files(inside, join(path, name))


def _is_picture(path: str) -> bool:
    return path.lower().endswith(PICTURE_ENDINGS)


def _loose(tree: Tree) -> list[str]:
    """Names of the pictures that lie in the folder itself."""
    return [name for name, inside in tree.items() if inside is None and _is_picture(name)]


def _parts(root: Path, top: Tree) -> tuple[str, list[str]]:
    """Names of the folder that holds the pool's classes, empty where it is `top` itself, and of the held-out ones."""
    folders = _folders(top)
    named = [name for name in folders if name.lower() in POOL_FOLDERS]
    held_out = [name for name in folders if name.lower() in HELD_OUT_FOLDERS]
    pools = [name for name in named if _folders(folders[name])]
    if not pools and not held_out:  # train/ with pictures in it may be a class of vehicles
        return "", []
    if len(pools) != 1:
        found = listing([*named, *held_out])
        raise DataError(f"{shown(root)}: found {found}, but not one train/ that holds class folders; {EXPECTED}")
    others = [name for name in folders if name not in pools]
    if others and not held_out:
        raise DataError(
            f"{shown(root)}: {listing(pools)} holds folders and is next to {listing(others)}: the pool or a class? "
            f"{EXPECTED}"
        )
    return pools[0], held_out


def _check_part(place: Path, tree: Tree) -> None:
    """Refuse folders that only look like class folders."""
    if not _folders(tree):
        found = f"holds files ({len(tree):,}) but no folders" if tree else "is empty"
        raise DataError(f"{shown(place)}: {found}; {EXPECTED}")
    filled = {name: inside for name, inside in _folders(tree).items() if inside}
    bare = {name: list(_folders(c)) for name, c in filled.items() if _folders(c) and not _loose(c)}
    if not bare or len(filled) != len(bare):
        return
    first, *rest = bare.values()
    if not rest:
        raise DataError(
            f"{shown(place)}: its one folder {listing(bare)} holds the folders {listing(first)}; did you mean "
            f"folder:{shown(place / next(iter(bare)))}? {EXPECTED}"
        )
    if len(first) > 1 and all(inside == first for inside in rest):
        raise DataError(
            f"{shown(place)}: each of {listing(bare)} holds the folders {listing(first)}, so they look like parts of "
            f"the data, not like classes; {EXPECTED}"
        )

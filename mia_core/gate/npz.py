"""Reads saved outputs and saved scores from .npz files that anyone may have made, and executes nothing in them.

Files are opened as the zip archives that they are, so that a damaged, foreign or oversized one is refused from its
headers, before anything is unpacked. What the arrays must hold is decided by `mia_core.gate.arrays`.
"""

import math
import os
import stat
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from mia_core.base.errors import ArrayError
from mia_core.base.files import reason
from mia_core.base.messages import nearest, one_line
from mia_core.gate.arrays import CODING, Outputs, check_scores
from mia_core.gate.outputs import check_outputs

LIMIT = 2 * 2**30
"""Most bytes that the arrays of one file may take; larger ones can be passed from Python (`check_outputs`)."""
MOST_ENTRIES = 1000
POSITIONAL = {"arr_0": "posteriors", "arr_1": "members"}
"""What `numpy.savez(file, posteriors, members)` writes: the layout of ML-Leaks and of the report's arrays."""
FORMAT, FORMAT_NAME = 1, "mia_format"
"""The version of the files that this package writes, scores and stored runs, and the array that says it."""
RUN = {"about", "counted", "digest", "logits", "members"}
"""Arrays by which a run of this package is known (see `mia_core.store.runs`)."""

Shape = tuple[int, ...]


def read_outputs(path: str | os.PathLike[str]) -> Outputs:
    """The outputs of one model saved with `numpy.savez`.

    Arrays: `posteriors` and/or `logits`, `members`, optionally `labels`; or `arr_0` and `arr_1`, read as posteriors
    and members with a note. Other arrays are ignored with a note. A run of this package is such a file; of its rows
    those that its `counted` marks are taken, on which the model is to be judged.
    Raises `ArrayError`, one line, for a file or an array that is not as `check_outputs` wants it.
    """
    known = ["posteriors", "logits", "members", "labels"]
    with open_archive(path) as archive:
        source, found = archive.source, archive.entries()
        names = {role: role for role in known if role in found}
        notes = []
        if not names and set(POSITIONAL) <= set(found):
            names = {role: name for name, role in POSITIONAL.items()}
            notes.append("arr_0 read as posteriors, arr_1 as members (arrays saved by position)")
        if "members" not in names or not {"posteriors", "logits"} & set(names):
            raise archive.missing("posteriors or logits [N, K], members [N]", known)
        if set(found) >= RUN:
            names["counted"] = "counted"
            found = [name for name in found if "/" not in name and name not in RUN]
        ignored = [name for name in found if name not in names.values() and name != FORMAT_NAME]
        if ignored:
            hint = "; labels?" if "labels" not in names and any("lab" in name.lower() for name in ignored) else ""
            notes.append(f"ignored: {one_line(', '.join(ignored), 100)}{hint}")
        arrays = archive.read(names)
    if (counted := arrays.pop("counted", None)) is not None:
        lengths = {len(array) if array.ndim else 0 for array in [counted, *arrays.values()]}
        if counted.dtype != bool or counted.ndim != 1 or len(lengths) > 1:
            raise ArrayError(
                f"{source}: counted: found {counted.dtype} {counted.shape}; expected true or false for each row"
            )
        arrays = {role: array[counted] for role, array in arrays.items()}
        notes.append(f"a run of this package: its {int(counted.sum())} counted of {len(counted)} examples are taken")
    return check_outputs(**{"members": None, **arrays}, source=source, names=names, notes=tuple(notes))


def read_score_sets(path: str | os.PathLike[str]) -> tuple[list[NDArray[np.float64]], NDArray[np.bool_]]:
    """Attack scores and membership saved under the names `scores` and `members`.

    `scores` [N], or [S, N] for S sets of scores of the same examples: a list of these sets, [N] each, and the
    membership [N]. Raises `ArrayError`; see `mia_core.gate.arrays.check_scores`.
    """
    known = ["scores", "members"]
    with open_archive(path) as archive:
        if not set(known) <= set(archive.entries()):
            raise archive.missing("scores [N] or [S, N], members [N]", known)
        scores, members = archive.read(dict(zip(known, known, strict=True))).values()
    several = scores.ndim == 2 and scores.shape[1] > 1 and len(scores) > 0
    sets = [check_scores(row, members, archive.source) for row in (scores if several else [scores])]
    return [checked for checked, _ in sets], sets[0][1]


@contextmanager
def open_archive(path: str | os.PathLike[str]) -> Iterator["Archive"]:
    """The .npz file at `path` (~ is the home folder), checked to be one. Raises `ArrayError` for anything else."""
    source = one_line(os.fspath(path)) or "(empty file name)"
    try:
        place = os.path.expanduser(path)
        # Opening a pipe would wait for ever, and a zip archive is read from its end.
        if not stat.S_ISREG(os.stat(place).st_mode):
            kind = "a folder" if os.path.isdir(place) else "no regular file"
            raise ArrayError(f"{source}: found {kind}; expected an .npz file")
        with open(place, "rb") as file:
            start = file.read(8)
            try:
                opened = zipfile.ZipFile(file)
            except Exception:  # zipfile raises many kinds of error on damaged directories
                raise ArrayError(f"{source}: found {_kind(start)}; expected a whole .npz file") from None
            with opened:
                archive = Archive(source, opened)
                archive.refuse_newer()
                yield archive
    except (OSError, ValueError) as error:  # ValueError: a path that holds a null byte
        raise ArrayError(f"{source}: cannot be read: {reason(error)}") from None


def _kind(start: bytes) -> str:
    kinds = {
        b"PK\x03\x04": "a truncated or damaged .npz file",
        b"\x93NUMPY": "a single .npy array",
        b"\x89HDF": "an HDF5 file",
        b"\x80": "a pickle (never opened, since opening one runs code)",
    }
    if not start:
        return "an empty file (0 bytes)"
    return next((kind for magic, kind in kinds.items() if start.startswith(magic)), "another kind of file")


class Archive:
    """The arrays in one open .npz file: names, headers, and the wanted ones read after their headers were checked."""

    def __init__(self, source: str, archive: zipfile.ZipFile) -> None:
        self.source, self.archive = source, archive

    def entries(self) -> list[str]:
        """Names of all arrays, without the ending .npy."""
        names = self.archive.namelist()
        if len(names) > MOST_ENTRIES:
            raise ArrayError(f"{self.source}: found {len(names)} entries; expected an .npz file of a few arrays")
        arrays = [name.removesuffix(".npy") for name in names if name.endswith(".npy")]
        for name in arrays:
            if arrays.count(name) > 1:
                raise ArrayError(f"{self.source}: {one_line(name, 60)}: found twice; expected once")
        return arrays

    def refuse_newer(self) -> None:
        """Refuses a file that says it is of a newer version than this one."""
        if FORMAT_NAME in self.entries():
            found = self.read({"": FORMAT_NAME})[""]
            if found.ndim or found.dtype.kind not in "iu" or found > FORMAT:
                shown = one_line(found, 40)
                raise ArrayError(
                    f"{self.source}: {FORMAT_NAME}: found {shown}; expected at most {FORMAT}: is it of a newer version?"
                )

    def missing(self, expected: str, known: list[str]) -> ArrayError:
        """The error for a file that lacks an array: what is there, with shapes, and what should be."""
        found = []
        for name in self.entries()[:6]:
            try:
                shape = self.header(name)[0]
            except ArrayError:
                shape = "(unreadable)"
            found.append(f"{one_line(name, 40)} {shape}")
        others = [name for name in self.archive.namelist() if not name.endswith(".npy")][:3]
        shown = one_line(", ".join([*found, *others]) or "no arrays", 300)
        hints = [nearest(name, known) for name in self.entries() if name not in known]
        hint = next(("; " + text.split("?")[0] + "?" for text in hints if text.startswith("did")), "")
        coding = f" ({CODING})" if "members" not in self.entries() else ""
        return ArrayError(f"{self.source}: found {shown}; expected {expected}{coding}{hint}")

    def read(self, names: dict[str, str]) -> dict[str, NDArray[Any]]:
        """Arrays by role, for `names` from role to name in the file."""
        total = 0
        for name in names.values():
            shape, dtype, size = self.header(name)
            total += size
            if total > LIMIT:
                raise ArrayError(
                    f"{self.source}: {name}: found {shape} of {dtype}; expected at most {LIMIT / 2**30:g} GiB in all "
                    "(pass larger arrays from Python, through check_outputs)"
                )
        return {role: self.array(name) for role, name in names.items()}

    def header(self, name: str) -> tuple[Shape, np.dtype[Any], int]:
        """Shape, type and size in bytes, from the header; refuses pickles and headers that promise another size."""
        with self.damage(name), self.archive.open(name + ".npy") as file:
            version = npy.read_magic(file)
            # A header of version 3 is one of version 2 in UTF-8, which only names of fields need; they are refused.
            first, later = npy.read_array_header_1_0, npy.read_array_header_2_0
            readers = {(1, 0): first, (2, 0): later, (3, 0): later}
            if version not in readers:
                raise ValueError(f"version {version[0]}.{version[1]} of the .npy format; expected 1.0 to 3.0")
            shape, _, dtype = readers[version](file)
            held = self.archive.getinfo(name + ".npy").file_size - file.tell()
        if dtype.hasobject:
            raise ArrayError(
                f"{self.source}: {name}: found pickled Python objects, which are never loaded; expected numbers"
            )
        size = math.prod(shape) * dtype.itemsize
        if size != held or min(shape, default=0) < 0:
            raise ArrayError(f"{self.source}: {name}: damaged: {shape} of {dtype} needs {size} bytes, found {held}")
        if dtype.itemsize == 0:
            raise ArrayError(f"{self.source}: {name}: found {dtype} without content; expected numbers")
        return shape, dtype, size

    def array(self, name: str) -> NDArray[Any]:
        with self.damage(name), self.archive.open(name + ".npy") as file:
            array = npy.read_array(file, allow_pickle=False)
            file.read()  # to the end of the entry, where zipfile compares the checksum
        return array

    @contextmanager
    def damage(self, name: str) -> Iterator[None]:
        """Turns whatever zipfile, zlib and numpy raise on damaged bytes into one line."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # numpy remarks on odd headers; the checks decide
                yield
        except Exception as error:
            raise ArrayError(f"{self.source}: {one_line(name, 60)}: damaged: {reason(error)}") from None

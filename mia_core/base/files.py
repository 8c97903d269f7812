"""Where files that can be made again are kept, and how a file is written: whole or not at all."""

import contextlib
import os
import re
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from mia_core.base.errors import RunError, SettingsError
from mia_core.base.interrupts import undone
from mia_core.base.messages import one_line

if TYPE_CHECKING:
    from numpy.lib.npyio import NpzFile


JUST_MADE = 1.0  # seconds within which a temporary file may not have been locked yet by who makes it


def cache_dir() -> Path:
    """The cache folder, absolute and created: that of the environment variable MIA_CACHE, else ~/.cache/mia_core.

    A relative path counts from the current folder, and `~` is the home folder.
    Raises `SettingsError` for a folder that cannot be made or written.
    """
    given = os.environ.get("MIA_CACHE", "").strip() or "~/.cache/mia_core"
    try:
        folder = Path(given).expanduser().absolute()  # raises where there is no such user
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(None, "no permission to write")
    except (OSError, RuntimeError, ValueError) as error:
        raise SettingsError(
            f"MIA_CACHE: {one_line(given)} cannot be the cache folder: {reason(error)}; "
            f"expected a folder that can be made and written"
        ) from None
    return folder


def absolute(path: str | Path) -> Path:
    """The absolute path, `~` being the home folder. For a user that does not exist it stays, as in `~nobody/x`."""
    return Path(os.path.expanduser(path)).absolute()


def file_to_write(path: str | Path, setting: str, *endings: str) -> Path:
    """The absolute path of a file to be written, before any work is done for it.

    Raises `SettingsError`, which names the setting, for a folder and for a name that has none of the endings.
    """
    target = absolute(path)
    if target.is_dir():
        raise SettingsError(
            f"{setting}: {one_line(target)} is a folder; expected the name of a file that ends in {endings[0]}"
        )
    if target.suffix.lower() not in endings:
        raise SettingsError(f"{setting}: expected a name that ends in {endings[0]}, found {one_line(target.name)}")
    return target


def content_of(path: str | Path) -> bytes:
    """What a regular file holds. Raises `OSError` for a pipe too, which would be waited for without end."""
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | getattr(os, "O_NONBLOCK", 0))) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(None, "no regular file", os.fspath(path))
        return file.read()


def write_atomically(path: str | Path, write: Callable[[BinaryIO], object]) -> None:
    """Make the file `path`, and its folder where missing, with what `write` puts into the binary file it is given.

    The content goes to a temporary file in the same folder first and gets its name when it is complete and on disk, so
    no reader ever sees half a file and an older file stays until then. Whatever goes wrong, the temporary file is gone;
    if the process is killed, the next one that writes there removes it (see `sweep`).
    Raises `RunError` when the system refuses (no space, no permission); what `write` itself raises passes through.
    """
    path = Path(path)
    temporary = path.parent / f".{secrets.token_hex(8)}.tmp"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent)
        with undone(lambda: _remove(temporary)):
            with open(temporary, "xb") as file:
                _is_free(file)  # and from here on it is not
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
    except BaseException as error:
        cause = _system_error(error)
        if cause is None:
            raise
        raise RunError(f"{one_line(path)}: cannot be written: {reason(cause)}") from None


@contextlib.contextmanager
def temporary_folder(prefix: str, parent: Path | None = None) -> Iterator[Path]:
    """A new folder in `parent`, by default the system's for temporary files, that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    with undone(lambda: shutil.rmtree(folder, ignore_errors=True)):
        yield folder


@contextlib.contextmanager
def open_npz(path: str | Path) -> "Iterator[NpzFile]":
    """An .npz file that this package has written, open for reading, without pickles.

    Such a file is not compressed. One that declares more bytes than it has is refused by a `RunError` before anything
    is unpacked; whatever else is wrong shows when its arrays are read, by errors of many kinds.
    """
    import numpy as np

    # numpy leaves the file open when it is no archive, so it is opened here.
    with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
        declared, size = sum(entry.file_size for entry in file.zip.infolist()), os.stat(path).st_size
        if declared > size:
            raise RunError(f"{path}: says that it holds {declared:,} bytes, in a file of {size:,}")
        yield file


@cache
def sweep(folder: Path) -> None:
    """Remove, once in a process, the temporary files in a folder that writers have left behind who were killed.

    A writer holds a lock on its file, which the system releases when the writer ends, however that happens.
    """
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            if re.fullmatch(r"\.[0-9a-f]{16}\.tmp", entry.name) and entry.is_file(follow_symlinks=False):
                age = time.time() - entry.stat().st_mtime
                with contextlib.suppress(OSError), open(entry.path, "rb+") as file:
                    if age > JUST_MADE and _is_free(file, age):
                        _remove(Path(entry.path))


def _is_free(file: BinaryIO, age: float = 0) -> bool:
    """Whether no other process holds this temporary file; this one does from here on, until it closes it."""
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):  # Windows, or a file system without locks: nobody writes one file for a day
        return age > 86_400
    return True


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def reason(error: BaseException) -> str:
    """The operating system's words for an error, without the number and the path, on one line."""
    if isinstance(error, OSError) and error.errno is None and error.strerror is None:
        return one_line(f"{error} (is the disk full?)")  # numpy's own words for a short write
    return one_line(getattr(error, "strerror", None) or str(error) or type(error).__name__)


def _system_error(error: BaseException | None) -> OSError | None:
    # A writer such as np.savez may fail once more while it cleans up after a full disk; the first cause is what counts.
    while error is not None and not isinstance(error, OSError):
        error = error.__context__ if isinstance(error, Exception) else None
    return error

"""Where files that can be made again are kept, and how a file is written: whole or not at all."""

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from mia_core.base.errors import RunError, SettingsError
from mia_core.base.messages import one_line


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


def write_atomically(path: str | Path, write: Callable[[BinaryIO], object]) -> None:
    """Make the file `path`, and its folder where missing, with what `write` puts into the binary file it is given.

    The content goes to a temporary file in the same folder first and gets its name when it is complete and on disk, so
    no reader ever sees half a file and an older file stays until then. Whatever goes wrong, the temporary file is gone.
    Raises `RunError` when the system refuses (no space, no permission); what `write` itself raises passes through.
    """
    path = Path(path)
    temporary = path.parent / f".{secrets.token_hex(8)}.tmp"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        cause = _system_error(error)
        if cause is None:
            raise
        raise RunError(f"{one_line(path)}: cannot be written: {reason(cause)}") from None


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

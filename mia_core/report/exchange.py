"""Where a report is put: built in a hidden folder next to it, and exchanged for the older one when it is whole."""

import contextlib
import errno
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mia_core.base.errors import MiaError, RunError, SettingsError
from mia_core.base.files import absolute, reason
from mia_core.base.interrupts import undone
from mia_core.base.messages import one_line
from mia_core.base.stderr import say
from mia_core.report.compare.results import RESULTS

RECORD = "report.json"
HIDDEN, LOCK, OLDER = ".report-", "lock", "older"
PARTS = {LOCK, OLDER, "copy", "kernels"}  # of a workshop
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}
LEAST = 1 << 20  # bytes; with fewer left no site can be written, whatever has failed for want of them


def check_out(out: str | Path) -> Path:
    """The absolute path for a report. Raises `SettingsError` unless it is free, empty or holds an older report."""
    try:
        target = absolute(out).resolve()
        if target.is_dir():
            if any(target.iterdir()) and not _is_report(target):
                raise SettingsError(f"out: {target} is not empty and holds no report ({RECORD}); choose another folder")
        elif target.exists():
            raise SettingsError(f"out: {target} is a file; expected the name of a folder")
        target.parent.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError, ValueError) as error:
        if getattr(error, "errno", None) in NO_ROOM:
            raise _unwritable(out, error) from None
        raise SettingsError(f"out: {out} cannot be used: {reason(error)}") from None
    return target


@contextmanager
def workshop(target: Path) -> Iterator[Path]:
    """A hidden folder next to the report, this user's alone, on the same disk so that the site can be moved.

    It is gone afterwards; those that killed builds have left are removed first. Raises `RunError` where the disk cannot
    be written or is full, whatever failed because of it.
    """
    from filelock import FileLock

    sweep(target.parent)
    try:
        folder = Path(tempfile.mkdtemp(prefix=HIDDEN, dir=target.parent))
    except OSError as error:
        raise _unwritable(target, error) from None
    with undone(lambda: _clear(folder, target)):
        try:
            # The system releases the lock of a process that is gone, however it ended.
            with FileLock(folder / LOCK):
                yield folder
        except (OSError, MiaError) as error:
            if _is_report(target):
                say(f"mia: note: {target} holds the earlier report, as it was")
            if not has_room(folder):
                raise _unwritable(target, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))) from None
            if getattr(error, "errno", None) in NO_ROOM:
                raise _unwritable(target, error) from None
            raise


def _clear(folder: Path, target: Path) -> None:
    """Put an older report back that has just been moved aside, and remove the workshop."""
    _put_back(folder / OLDER / target.name, target)
    shutil.rmtree(folder, ignore_errors=True)


def has_room(folder: Path) -> bool:
    """Whether the disk of the folder can take anything more to speak of."""
    return shutil.disk_usage(folder).free >= LEAST


def exchange(site: Path, target: Path, folder: Path) -> None:
    """Put the site in its place, from where an older report moves into the workshop `folder`; if that fails, back.

    Raises `SettingsError` where something else than a report has been put there meanwhile.
    """
    older = folder / OLDER / target.name
    try:
        if target.exists():
            older.parent.mkdir()
            os.replace(check_out(target), older)
        os.replace(site, target)
    except BaseException:
        _put_back(older, target)
        raise


def sweep(parent: Path) -> None:
    """Remove what builds have left in the folder `parent` that were killed. An older report that one of them had just
    moved aside is put back."""
    from filelock import FileLock, Timeout

    for folder in parent.glob(f"{HIDDEN}*"):
        # Nothing is removed but what was made here: a folder of a name that `mkdtemp` makes, with a build's parts.
        if not re.fullmatch(r"[a-z0-9_]{8}", folder.name.removeprefix(HIDDEN)) or folder.is_symlink():
            continue
        with contextlib.suppress(OSError, Timeout):
            if not {part.name for part in folder.iterdir()} <= PARTS:
                continue
            with FileLock(folder / LOCK, timeout=0):
                for older in (folder / OLDER).glob("*"):
                    _put_back(older, parent / older.name)
                shutil.rmtree(folder, ignore_errors=True)


def _put_back(older: Path, target: Path) -> None:
    if _is_report(older) and not target.exists():
        os.replace(older, target)


def _is_report(folder: Path) -> bool:
    try:
        found = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return {"parameters", "chapters"} <= found.keys() and (folder / RESULTS).is_file()
    except (OSError, ValueError, AttributeError, RecursionError):
        return False


def _unwritable(out: str | Path, error: BaseException) -> RunError:
    return RunError(f"{one_line(out)}: cannot be written: {reason(error)}")

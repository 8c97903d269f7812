"""The content of many files, by their hashes: what decides whether something made from them is still good."""

import hashlib
import os
import stat
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, groupby
from pathlib import Path
from typing import NamedTuple

from mia_core.base.errors import DataError
from mia_core.base.files import reason
from mia_core.base.messages import shown

READ_BLOCK = 1 << 16
MOST_FILE_BYTES = 1 << 32
OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class Content(NamedTuple):
    """SHA-256 of one file's bytes and their number, or why it cannot be read."""

    digest: bytes = b""
    size: int = 0
    failure: str = ""


def contents_of(root: Path, paths: Iterable[str]) -> list[Content]:
    """The content of every file (paths below `root`), in order; CIFAR-10's 60,000 pictures take about half a second."""
    folders = [list(group) for _, group in groupby(paths, key=os.path.dirname)]
    # Two threads, since reading from a cold disk is waiting.
    with ThreadPoolExecutor(2) as threads:
        return list(chain.from_iterable(threads.map(lambda paths: _folder_contents(root, paths), folders)))


def _folder_contents(root: Path, paths: list[str]) -> list[Content]:
    # Names relative to an open folder spare the system the walk along the whole path, 60,000 times for CIFAR-10.
    if os.open not in os.supports_dir_fd:
        return [_content(root / path) for path in paths]
    try:
        folder = os.open(root / os.path.dirname(paths[0]), os.O_RDONLY)
    except OSError as error:
        return [Content(failure=reason(error))] * len(paths)
    try:
        return [_content(os.path.basename(path), folder) for path in paths]
    finally:
        os.close(folder)


def _content(path: str | Path, folder: int | None = None) -> Content:
    try:
        # Not blocking: to open a pipe that bears a picture's name would be a wait for ever.
        file = os.open(path, OPEN_FLAGS, dir_fd=folder)
    except OSError as error:
        return Content(failure=reason(error))
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            return Content(failure="not a file")
        block = os.read(file, READ_BLOCK)
        digest, size = hashlib.sha256(block), len(block)
        while len(block) == READ_BLOCK:
            block = os.read(file, READ_BLOCK)
            digest.update(block)
            size += len(block)
            if size > MOST_FILE_BYTES:
                return Content(failure=f"more than {MOST_FILE_BYTES >> 30} GiB")
        return Content(digest.digest(), size)
    except OSError as error:
        return Content(failure=reason(error))
    finally:
        os.close(file)


def read_again(path: Path, content: Content) -> bytes:
    """The bytes of a file that was hashed before. Raises `DataError` when they are not the same any more."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{shown(path)}: {reason(error)}, a moment after it could be read; start again") from None
    if hashlib.sha256(data).digest() != content.digest:
        raise DataError(f"{shown(path)}: changed while it was being read; start again")
    return data

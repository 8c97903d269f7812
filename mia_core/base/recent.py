"""Keeps what was read from files lately: chapters ask for the same runs again and again."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

Value = TypeVar("Value")

SETTLED = 2.0  # seconds: a file written within one tick of the file system's clock could change and show no change


class Recent(Generic[Value]):
    """Values read from files, the most recently used ones, up to `limit` bytes in all; several threads may ask.

    size  tells the bytes of a value
    A file that was replaced or altered since is read anew: its time, size and number are compared at every call.
    """

    def __init__(self, limit: int, size: Callable[[Value], int]) -> None:
        self.limit, self.size = limit, size
        self._kept: OrderedDict[Path, tuple[tuple[int, ...], Value]] = OrderedDict()
        self._bytes = 0
        self._one_by_one = threading.Lock()

    def read(self, path: Path, read: Callable[[Path], Value]) -> Value:
        """What `read(path)` gives, or gave for the same file. Raises what `read` raises, and keeps nothing then."""
        try:
            found = path.stat()
        except OSError:
            return read(path)
        stamp = (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_dev)
        with self._one_by_one:
            known = self._kept.get(path)
            if known is not None and known[0] == stamp:
                self._kept.move_to_end(path)
                return known[1]
        value = read(path)
        if time.time() - max(found.st_mtime, found.st_ctime) > SETTLED:
            with self._one_by_one:
                self._keep(path, stamp, value)
        return value

    def _keep(self, path: Path, stamp: tuple[int, ...], value: Value) -> None:
        before = self._kept.pop(path, None)
        if before is not None:
            self._bytes -= self.size(before[1])
        self._kept[path] = (stamp, value)
        self._bytes += self.size(value)
        while self._bytes > self.limit:
            self._bytes -= self.size(self._kept.popitem(last=False)[1][1])

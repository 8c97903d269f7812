"""Processes that share the work of this one: whether there can be any, and that none of them outlives it."""

import multiprocessing
import multiprocessing.resource_tracker
import os
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

from mia_core.base.errors import MiaWarning
from mia_core.base.files import reason
from mia_core.base.interrupts import keep_interrupts_from_children

_LOCKS = 32  # more than joblib makes for its workers


def worker_settings(prepare: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Settings of joblib's loky backend by which its workers end when this process does, however it ends.

    prepare  what a worker does first, a function that can be imported
    """
    from joblib.externals.loky.backend import resource_tracker

    # joblib's helper processes, started here and not with the workers: Python lets interrupts through on the way.
    for helper in (multiprocessing.resource_tracker, resource_tracker):
        helper.getfd()
    keep_interrupts_from_children()
    return {"initializer": _begin, "initargs": (os.getpid(), prepare)}


def can_have_workers() -> bool:
    """Whether this system has what several processes need; where it has not, a `MiaWarning` says why."""
    try:
        context = multiprocessing.get_context("fork" if hasattr(os, "fork") else None)
        for lock in [context.Lock() for _ in range(_LOCKS)]:
            del lock
    except OSError as error:
        warnings.warn(
            f"no other process can share the work: a lock in shared memory (/dev/shm on Linux) cannot be made: "
            f"{reason(error)}; all is done by one process",
            MiaWarning,
            stacklevel=3,
        )
        return False
    return True


def end_with(parent: int) -> None:
    """Have this process end when its parent, the process of this number, is gone: killed, it cannot say so itself."""

    def watch() -> None:
        while os.getppid() == parent:  # whoever takes its place has another number
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _begin(parent: int, prepare: Callable[[], None]) -> None:
    end_with(parent)
    prepare()

"""An end that is asked for from outside leaves nothing half done and nobody behind."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def ended_by_sigterm(first: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Within it, a SIGTERM calls `first` and raises `SystemExit(143)`, so that what is underway is cleaned up.

    Python's own answer is to be gone at once: worker processes would train on, and temporary folders stay. A second
    SIGTERM does that. A handler of the caller's stays, and nothing is done but in the main thread.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def end(number: int, frame: Any) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        first()
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

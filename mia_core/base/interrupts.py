"""An end that is asked for from outside leaves nothing half done and nobody behind, and is said in one line."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mia_core.base.stderr import say

SECONDS_TO_END = 1.5
_ENDING = threading.Event()
_TO_UNDO: list[Callable[[], object]] = []
_KEPT: list[Callable[[], str]] = []


def answer_signals() -> None:
    """From now on Ctrl-C (status 130) and SIGTERM (status 143) end this program at once, with one line on stderr.

    A thread of its own does that, so it makes no difference what the program is doing: an exception raised anywhere, as
    Python does by default, is swallowed here, delayed there, and printed by libraries and child processes. What
    `undone` names is done before. A signal that whoever started this has chosen to ignore stays ignored.
    """
    wanted = [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) is not signal.SIG_IGN]
    answered = any(signal.getsignal(number) is _answered for number in wanted)
    if answered or threading.current_thread() is not threading.main_thread():
        return
    # Helpers of joblib's workers would remark on semaphores that are left to them to remove.
    given = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, [given, "ignore:resource_tracker:UserWarning"]))
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        for number in wanted:
            signal.signal(number, lambda number, frame: _end(number))
        return
    # The pipe is written as soon as a signal comes, also while the main thread is in a long call or a lengthy import.
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_wait, args=(reading, wanted), daemon=True).start()
    for number in wanted:
        signal.signal(number, _answered)
    keep_interrupts_from_children()


def keep_interrupts_from_children() -> None:
    """A terminal's Ctrl-C goes to all processes of a program, which would each have a word to say: where this one
    answers for them, those that this thread starts from now on never get it."""
    if signal.getsignal(signal.SIGINT) is _answered:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])


def leave_the_end_to_the_signal() -> None:
    """Where a signal has come, wait for what `answer_signals` does: the program's own end must not be quicker."""
    if _ENDING.is_set():
        time.sleep(2 * SECONDS_TO_END)


def tell_kept(what: Callable[[], str]) -> None:
    """From now on an interruption says what is kept: what `what` then returns, such as `7 of 16 models are kept`."""
    _KEPT[:] = [what]


@contextmanager
def undone(undo: Callable[[], object]) -> Iterator[None]:
    """Calls `undo` when it is left, and also where a signal ends the program within it (see `answer_signals`)."""
    _TO_UNDO.append(undo)
    try:
        yield
    finally:
        _TO_UNDO.remove(undo)
        undo()


@contextmanager
def ended_by_sigterm(first: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Within it, a SIGTERM calls `first` and raises `SystemExit(143)`, so that what is underway is cleaned up.

    Python's own answer is to be gone at once: temporary folders stay. A second SIGTERM does that. A handler of the
    caller's stays, such as that of `answer_signals`, and nothing is done but in the main thread.
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


def _answered(number: int, frame: Any) -> None:
    """Nothing: `_wait` has been told already."""


def _wait(reading: int, wanted: list[int]) -> None:
    while (number := os.read(reading, 1)[0]) not in wanted:
        pass
    _end(number)


def _end(number: int) -> None:
    _ENDING.set()
    status = 128 + number
    guard = threading.Timer(SECONDS_TO_END, os._exit, [status])  # a disk that does not answer must not keep it
    guard.daemon = True
    guard.start()
    kept = ""
    with contextlib.suppress(Exception):
        kept = "".join(f": {what()}; the same command goes on" for what in _KEPT)
    # In a terminal, a progress bar or ^C stands on the line.
    say(("\n" if sys.stderr is not None and sys.stderr.isatty() else "") + f"mia: interrupted{kept}")
    with contextlib.suppress(Exception):  # what fails from here on fails because of the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    for undo in reversed(_TO_UNDO.copy()):
        with contextlib.suppress(Exception):
            undo()
    if "multiprocessing" in sys.modules:  # joblib's workers
        for child in sys.modules["multiprocessing"].active_children():
            with contextlib.suppress(Exception):
                os.kill(child.pid, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
    os._exit(status)

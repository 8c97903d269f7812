"""What a case says of itself, and what every command must keep to whatever happens to it."""

import random
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from campaign.place import Done, Place

TRACES = re.compile(r"Traceback|Error ignored|Exception ignored|^  File \"", re.MULTILINE)
REMARKS = ("mia: note:", "mia: warning:", "mia: chapter ", "mia: rendering ")
UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Codes that command a terminal, or turn the direction of its text."""


@dataclass(frozen=True)
class Found:
    """What became of a case.

    did   in words, what was done; held: whether all that is promised held, and None where it could not be tried
    why   it did not hold, or could not be tried
    at    seconds after the start at which it was done
    """

    did: str
    held: bool | None
    why: str = ""
    at: float | None = None
    status: int | None = None


@dataclass(frozen=True)
class Part:
    """One kind of fault: how many cases of it are tried by default, and what tries one in a folder of its own."""

    count: int
    tries: Callable[[Place, int, random.Random, Path], Found]


def judged(did: str, wrong: Iterable[str | None], at: float | None = None, status: int | None = None) -> Found:
    """What became of a case, where `wrong` says what went wrong, None for nothing."""
    why = "; ".join(filter(None, wrong))
    return Found(did, not why, why, at, status)


def not_clean(done: Done) -> str | None:
    """What is wrong with an undisturbed end: status 0, no process left, nothing said but remarks."""
    if done.status != 0:
        return f"status {done.status}: {last_line(done)}"
    noise = [line for line in done.err.splitlines() if not line.startswith(REMARKS)]
    return not_tidy(done) or (f"noise: {noise[0][:200]}" if noise else None)


def not_tidy(done: Done) -> str | None:
    """What no end of a command may leave: a traceback, or a process."""
    if TRACES.search(done.err):
        return f"a traceback of {len(done.err.splitlines())} lines: {last_line(done)}"
    return f"{len(done.left)} processes left" if done.left else None


def not_refused(done: Done, *names: str) -> str | None:
    """What is wrong with a refusal: status 2 and, but for remarks, one line that has one of the names."""
    if done.status is None:
        return "hung"
    if problem := not_tidy(done):
        return problem
    lines = [line for line in done.err.splitlines() if not line.startswith(REMARKS)]
    if done.status != 2 or len(lines) != 1 or not lines[0].startswith("mia: error: "):
        return f"status {done.status} with {len(lines)} lines: {last_line(done)}"
    return None if not names or any(name in lines[0] for name in names) else f"names no file: {lines[0][:200]}"


def last_line(done: Done) -> str:
    """The end of what a command said, for a case's reason."""
    lines = done.err.strip().splitlines()
    return UNSEEN.sub("?", lines[-1][:200]) if lines else "nothing said"


def left_behind(*folders: Path) -> str | None:
    """Temporary files below these folders that nothing needs any more."""
    hidden = re.compile(r"\.[0-9a-f]{8,}\.tmp|\.report-.*")
    found = [path.name for folder in folders for path in folder.rglob(".*") if hidden.fullmatch(path.name)]
    return f"temporary files left: {', '.join(found[:3])}" if found else None

"""Folders that cannot be written: a full disk, and one that may only be read."""

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from campaign.cases import Found, Part, judged, left_behind, not_clean, not_refused
from campaign.place import OUT, Done, Place, result, tree, unlike

CASES = [
    (kind, name, where)
    for kind in ("full", "read-only")
    for name, where in [
        ("study", "cache"), ("study", "out"), ("references", "cache"), ("references", "out"), ("report", "cache"),
        ("report", "out"), ("attack-models", "out"),
    ]
]  # fmt: skip

ROOMS = {True: (0, 8, 200, 1000), False: (0, 0, 4)}  # kB that are left for much, and for a table


def disk(place: Place, case: int, draw: random.Random, folder: Path) -> Found:
    """One command with its cache or its output on a disk that cannot take it, and the same with room again."""
    kind, name, where = CASES[case % len(CASES)]
    did = f"{kind} {where} of {name}"
    if os.geteuid() != 0 and kind == "full":
        return Found(did, None, "only root can make a small disk")
    spoiled = folder / ("cache" if where == "cache" else "disk")
    room = draw.choice(ROOMS[name == "report" or where == "cache"])
    with _disk(spoiled) as ready:
        if ready is None:
            return Found(did, None, "no disk can be mounted here")
        if where == "out":
            _earlier(place, name, spoiled)
        before = tree(spoiled)
        words = place.words(name, spoiled if where == "out" else folder)
        ready(kind, room)
        done = place.run(words, folder)
        wrong = [_after(done, spoiled, kind), left_behind(spoiled)]
        if done.status != 0:
            wrong.append(None if before.items() <= tree(spoiled).items() else "earlier files changed")
        ready("roomy", 0)
        again = place.run(words, folder)
        wrong.append(f"with room again: {problem}" if (problem := not_clean(again)) else None)
        if again.status == 0:
            base = spoiled if where == "out" else folder
            differ = unlike(result(name, base, again), place.whole(name).result)
            wrong.append(f"with room again another result: {differ[:3]}" if differ else None)
    return judged(did, wrong, status=done.status)


def _after(done: Done, spoiled: Path, kind: str) -> str | None:
    reason = ("No space left", "space", "full") if kind == "full" else ("Read-only", "ermission")
    if done.status == 0:  # what little had to be written fitted, or was not needed
        return not_clean(done)
    return not_refused(done, spoiled.name) or not_refused(done, *reason)


def _earlier(place: Place, name: str, spoiled: Path) -> None:
    """What lies on the disk already: an earlier output of the same command."""
    if name == "report":
        shutil.copytree(place.whole(name).folder / OUT[name], spoiled / OUT[name])
    else:
        (spoiled / OUT[name]).write_text("an earlier table")


@contextmanager
def _disk(folder: Path) -> Iterator:
    """A disk at `folder`, and a function that fills it but for some kB, makes it read-only, or roomy again."""
    folder.mkdir(parents=True)
    root = os.geteuid() == 0
    if root and subprocess.run(["mount", "-t", "tmpfs", "campaign", folder], capture_output=True).returncode:
        yield None
        return

    def remount(options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)

    def ready(kind: str, room: int) -> None:
        if not root:
            folder.chmod(0o555 if kind == "read-only" else 0o755)
        elif kind == "full":
            found = os.statvfs(folder)
            used = (found.f_blocks - found.f_bfree) * found.f_frsize >> 10
            remount(f"size={max(4, used + room)}k")
        else:
            remount("ro" if kind == "read-only" else "rw,size=1g")

    try:
        yield ready
    finally:
        if root:
            subprocess.run(["umount", "-l", folder], check=False)
        else:
            folder.chmod(0o755)


PARTS = {"full and read-only folders": Part(28, disk)}

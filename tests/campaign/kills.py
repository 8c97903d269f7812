"""Commands are killed or interrupted at any moment, and the same command goes on as if nothing had happened."""

import random
import shutil
import signal
from pathlib import Path

from campaign.cases import Found, Part, judged, left_behind, not_clean, not_tidy
from campaign.place import COMMANDS, OUT, Done, Place, pages, result, tree, unlike

LATEST = 1.15  # of the undisturbed seconds, the latest moment: other cases run beside this one
SOON = 2.0  # seconds within which an interrupted command ends
FIRST = 0.3  # seconds before which Python itself starts, in which no program can catch an interrupt


def kill(name: str) -> Part:
    """Cases that kill the command `name`."""

    def tries(place: Place, case: int, draw: random.Random, folder: Path) -> Found:
        jobs = draw.choice((1, 2))
        done, at = disturbed(place, name, draw, folder, signal.SIGKILL, False, 0.0, jobs)
        wrong = [f"{len(done.left)} processes lived on" if done.left else None]
        if name == "report":
            wrong.append(_neither_old_nor_new(place, folder))
        return judged(f"killed, {jobs} jobs", [*wrong, *_goes_on(place, name, folder, jobs)], at, done.status)

    return Part(50, tries)


def interrupt(place: Place, case: int, draw: random.Random, folder: Path) -> Found:
    """One case of an interrupted command, the commands in turn; from a keyboard the signal goes to all processes."""
    name = tuple(COMMANDS)[case % len(COMMANDS)]
    everyone, jobs = draw.random() < 0.5, draw.choice((1, 2))
    done, at = disturbed(place, name, draw, folder, signal.SIGINT, everyone, FIRST, jobs)
    said = done.said_after.splitlines()
    wrong = [
        f"status {done.status}" if done.status not in (0, 130) else None,  # 0: all was done already
        f"{done.after:.1f} s until its end" if done.after > SOON else None,
        f"{len(said)} lines: {said[-1][:120]}" if len(said) > 1 else None,
        not_tidy(done),
        _neither_old_nor_new(place, folder) if name == "report" else None,
    ]
    did = f"{name} interrupted, {jobs} jobs, {'its group' if everyone else 'alone'}"
    return judged(did, [*wrong, *_goes_on(place, name, folder, jobs)], at, done.status)


PARTS = {
    "kills of study": kill("study"),
    "kills of references": kill("references"),
    "kills of report": kill("report"),
    "interrupts": Part(20, interrupt),
}


def disturbed(
    place: Place, name: str, draw: random.Random, folder: Path, send: int, everyone: bool, first: float, jobs: int
) -> tuple[Done, float]:
    """The command `name` with a signal at a random moment, and the moment; an earlier one where it was too late."""
    whole = place.whole(name)
    at = draw.uniform(first, LATEST * whole.seconds)
    while True:
        shutil.rmtree(folder, ignore_errors=True)
        if name == "report":
            earlier = folder / OUT[name]
            shutil.copytree(whole.folder / OUT[name], earlier)
            (earlier / "earlier.txt").write_text("an earlier report")
        done = place.run(place.words(name, folder, jobs), folder, send, at, everyone)
        if not done.early:
            return done, at
        at = max(first, 0.8 * at)


def _neither_old_nor_new(place: Place, folder: Path) -> str | None:
    """Something wrong with the report after a disturbance: it is the earlier one or the new one, and whole."""
    whole, out = place.whole("report"), folder / OUT["report"]
    if not (out / "earlier.txt").exists():
        found = pages(out) if out.is_dir() else {}
        return "the earlier report is gone" if unlike(found, whole.result) else None
    wanted, found = tree(whole.folder / OUT["report"]), tree(out)
    del found["earlier.txt"]
    return "the earlier report is damaged" if found != wanted else None


def _goes_on(place: Place, name: str, folder: Path, jobs: int) -> list[str | None]:
    """What is wrong with the same command afterwards."""
    again = place.run(place.words(name, folder, jobs), folder)
    if again.status != 0:
        return [f"the same command: {not_clean(again)}"]
    differ = unlike(result(name, folder, again), place.whole(name).result)
    return [
        not_clean(again),
        f"another result: {', '.join(differ[:3])}" if differ else None,
        left_behind(folder),
    ]

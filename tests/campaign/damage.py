"""Files that a command reads are damaged: it says so in a line that names the file, or gives what it gave before."""

import os
import pickle
import random
import shutil
import threading
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from campaign.cases import Found, Part, judged, not_refused, not_tidy
from campaign.inputs import arrays_of
from campaign.place import OUT, Done, Place, result, unlike

BOMB = 1 << 30  # bytes of each of three arrays in a file of a few megabytes
ROOM = 500 << 20  # bytes that reading a damaged file may take above reading the whole one
READ = """\
import sys
from mia_core.base.errors import MiaError
from mia_core.studies.recorded import recorded
try:
    print(recorded("table")[0].to_csv())
except MiaError as error:
    print(f"mia: error: {error}", file=sys.stderr)
    sys.exit(2)
"""


class Runs:
    """A pickle that leaves a file behind where it is loaded."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple:
        return Path.touch, (self.marker,)


@dataclass(frozen=True)
class Target:
    """Something to damage: which file of a case's folder, and the words and Python of the command that reads it."""

    file: str
    words: tuple[str, ...]
    python: tuple[str, ...] = ("-m", "mia_core")
    needs: tuple[str, ...] = ()


ATTACK = ("--replicates", "0", "--json")
TARGETS = {
    "stored run": Target("cache/runs/*.npz", (), needs=("cache",)),
    "recorded table": Target("table.csv", (), ("-c", READ), needs=("table.provenance.json",)),
    "provenance": Target("table.provenance.json", (), ("-c", READ), needs=("table.csv",)),
    "models": Target("models.npz", ("attack-models", "--models", "models.npz", *ATTACK)),
    "outputs": Target(
        "target.npz", ("attack", "--shadow", "shadow.npz", "--target", "target.npz", *ATTACK), needs=("shadow.npz",)
    ),
    "scores": Target("scores.npz", ("measure", "--scores", "scores.npz", *ATTACK)),
    "report's results": Target("report/results.json", ("compare", "report", "report-b", "--json"), needs=("report-b",)),
}
_LOCK = threading.Lock()
_KNOWN: dict[str, Done] = {}


def truncated(path: Path, draw: random.Random, folder: Path) -> None:
    path.write_bytes(path.read_bytes()[: draw.randrange(1, path.stat().st_size)])


def flipped(path: Path, draw: random.Random, folder: Path) -> None:
    content = bytearray(path.read_bytes())
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)


def emptied(path: Path, draw: random.Random, folder: Path) -> None:
    path.write_bytes(b"")


def by_folder(path: Path, draw: random.Random, folder: Path) -> None:
    path.unlink()
    path.mkdir()


def by_link(path: Path, draw: random.Random, folder: Path) -> None:
    path.unlink()
    path.symlink_to(draw.choice([folder / "nowhere", path, Path("/etc/hostname"), Path("/dev/zero")]))


def by_pipe(path: Path, draw: random.Random, folder: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def by_bomb(path: Path, draw: random.Random, folder: Path) -> None:
    """An archive whose members, of the names that are expected, are long rows of zeros."""
    made = folder.parent / "bomb.zip"
    with _LOCK:
        if not made.exists():
            with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                for name in ("logits", "posteriors", "scores"):
                    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                        header = {"descr": "|u1", "fortran_order": False, "shape": (BOMB,)}
                        np.lib.format.write_array_header_1_0(member, header)
                        for _ in range(BOMB >> 26):
                            member.write(bytes(1 << 26))
    shutil.copyfile(made, path)


def by_deep(path: Path, draw: random.Random, folder: Path) -> None:
    depth = 200_000
    path.write_text(draw.choice(["[" * depth + "]" * depth, '{"chapters":' * depth + "0" + "}" * depth]))


def by_pickle(path: Path, draw: random.Random, folder: Path) -> None:
    code = pickle.dumps(Runs(folder / "executed"))
    if draw.random() < 0.5:
        path.write_bytes(code)
        return
    with zipfile.ZipFile(path, "w") as archive, archive.open("logits.npy", "w") as member:
        np.lib.format.write_array_header_1_0(member, {"descr": "|O", "fortran_order": False, "shape": (1,)})
        member.write(code)


DAMAGES: tuple[Callable[[Path, random.Random, Path], None], ...] = (
    truncated, flipped, flipped, flipped, emptied, by_folder, by_link, by_pipe, by_bomb, by_deep, by_pickle,
)  # fmt: skip


def damage(place: Place, case: int, draw: random.Random, folder: Path) -> Found:
    """One damaged file, the targets in turn."""
    name = tuple(TARGETS)[case % len(TARGETS)]
    harm = DAMAGES[case // len(TARGETS) % len(DAMAGES)]
    target = TARGETS[name]
    known = _undamaged(place, name)
    _lay_out(place, folder, target)
    path = draw.choice(sorted(folder.glob(target.file)))
    harm(path, draw, folder)
    done = _read(place, name, folder)
    wrong = [
        "a pickle was executed" if (folder / "executed").exists() else None,
        f"{done.peak >> 20} MiB in memory" if done.peak > known.peak + ROOM else None,
        "hung" if done.status is None else None,
    ]
    if done.status == known.status:
        same = done.out == known.out and not (name == "stored run" and _table_differs(place, folder, done))
        wrong += [None if same else "another answer, and no word", not_tidy(done)]
    else:
        wrong.append(not_refused(done, path.name, path.parent.name))
    shutil.rmtree(folder / "cache", ignore_errors=True)
    return judged(f"{name} {harm.__name__.replace('by_', 'replaced by a ')}", wrong, status=done.status)


PARTS = {"damaged files": Part(231, damage)}


def _undamaged(place: Place, name: str) -> Done:
    with _LOCK:
        if name not in _KNOWN:
            folder = place.root / f"undamaged-{name.replace(' ', '-')}"
            shutil.rmtree(folder, ignore_errors=True)
            _lay_out(place, folder, TARGETS[name])
            done = _read(place, name, folder)
            if done.status not in (0, 1):
                raise RuntimeError(f"{name} undamaged: status {done.status}: {done.err}")
            _KNOWN[name] = done
        return _KNOWN[name]


def _lay_out(place: Place, folder: Path, target: Target) -> None:
    """What the command reads, whole, in the case's folder."""
    folder.mkdir(parents=True)
    for name in {target.file.partition("/")[0], *target.needs}:
        if name == "cache":
            shutil.copytree(place.whole("study").folder / "cache", folder / "cache")
        elif name.startswith("table"):
            shutil.copyfile(place.whole("study").folder / name, folder / name)
        elif name.startswith("report"):
            (folder / name).mkdir()
            for file in ("results.json", "report.json"):
                shutil.copyfile(place.whole("report").folder / OUT["report"] / file, folder / name / file)
        else:
            np.savez(folder / name, **arrays_of(name.removesuffix(".npz")))


def _read(place: Place, name: str, folder: Path) -> Done:
    if name == "stored run":
        return place.run(place.words("study", folder), folder)
    target = TARGETS[name]
    return place.run(target.words, folder, python=target.python, MIA_RESULTS=str(folder))


def _table_differs(place: Place, folder: Path, done: Done) -> bool:
    return bool(unlike(result("study", folder, done), place.whole("study").result))

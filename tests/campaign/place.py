"""Where cases happen: a copy of the package with a book of two short chapters, and processes watched from outside."""

import hashlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from books import code, write_book
from campaign.inputs import arrays_of
from mia_core.base.sealed import SEAL

CHECKOUT = Path(__file__).resolve().parents[2]
GRACE = 5.0  # seconds that a process may outlive the command that started it
LIMIT = 300.0  # seconds after which a command counts as hung; the longest takes a tenth of that on an idle machine
MOST = 6 << 30  # bytes that a process may hold, so that none takes the machine with it
SMALL = ("--dataset", "digits", "--epochs", "2")
COMMANDS = {
    "study": ("study", *SMALL, "-p", "replicates=0", "--seeds", "1", "--part", "60", "--defenses", "none,dropout"),
    "references": ("references", *SMALL, "--models", "4", "--part", "60", "--defenses", "none", "--attack", "lira"),
    "report": ("report",),
    "attack-models": ("attack-models", "--models", "MODELS"),
}
"""Commands with settings so small that importing what they need is most of their time."""
OUT = {"study": "table.csv", "references": "table.csv", "report": "report", "attack-models": "scores.csv"}
STUDY = """\
from mia_core import Study, StudySettings, show

settings = StudySettings(dataset=dataset, seeds=1, epochs=2, part=part, defenses=("none", "dropout"), replicates=0)
show(Study(settings).train().table()[["defenses", "attack_accuracy", "auc"]], caption="All rows.", name="all")
"""
CLASSES = """\
import numpy as np
from mia_core import show
from mia_core.data.load import DataSettings, load_dataset
from mia_core.display.figures import figure, style

data = load_dataset(DataSettings(dataset=dataset))
fig, ax = figure(height=2)
ax.bar(list(data.classes), np.bincount(data.labels), **style(0, fill=True))
show(fig, caption="Examples of each class.", alt="Bars.", name="classes")
"""
CHANGES = (  # what no two runs of a report share
    (rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z|\+00:00| UTC)?", b"(when)"),
    (rb'"(seconds|duration)": [\d.e+-]+', b'"seconds": 0'),
    (rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", b"(random)"),
    (rb"\d+(\.\d+)? s\b", b"(seconds)"),
)


@dataclass(frozen=True)
class Done:
    """How a command ended.

    status   its exit status, negative for a signal; None for one that was still running after `LIMIT`
    seconds  it ran; after: between the signal and its end
    out      what it printed; err: what it said, and said_after: of that, what came after the signal
    peak     the most memory it held, bytes
    early    it had ended before the signal could be sent
    left     processes that it started and that outlived it by `GRACE`
    """

    status: int | None
    seconds: float
    out: bytes
    err: str
    peak: int = 0
    after: float = 0.0
    said_after: str = ""
    early: bool = False
    left: tuple[int, ...] = ()


@dataclass(frozen=True)
class Whole:
    """An undisturbed run: what it gave, by name, and the seconds that it took."""

    result: dict[str, str]
    seconds: float
    folder: Path


@dataclass
class Place:
    """The folder of a campaign; `project` in it is a copy of the package, so that edits meanwhile do no harm."""

    root: Path
    project: Path = field(init=False)
    _whole: dict[str, Whole] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.project = self.root / "project"
        if not self.project.exists():
            given = code('dataset = "digits"\npart = 60', "parameters")
            book = {"first": ["# First", given, code(STUDY)], "second": ["# Second", given, code(CLASSES)]}
            write_book(self.project, book)
            quiet = shutil.ignore_patterns("__pycache__")
            shutil.copytree(CHECKOUT / "mia_core", self.project / "mia_core", ignore=quiet)
            shutil.copyfile(CHECKOUT / "pyproject.toml", self.project / "pyproject.toml")
            np.savez(self.root / "models.npz", **arrays_of("models"))

    def run(
        self,
        words: Sequence[str],
        folder: Path,
        send: int | None = None,
        at: float = 0.0,
        everyone: bool = False,
        python: Sequence[str] = ("-m", "mia_core"),
        **environment: str,
    ) -> Done:
        """Run `mia WORDS` in `folder`, with the cache in `folder`/cache, to its end.

        send      a signal for it after `at` seconds, or for all of its process group (`everyone`)
        python    what the interpreter is given before the words
        """
        started = self.start(words, folder, python, **environment)
        return started.end(send, at, everyone)

    def start(
        self, words: Sequence[str], folder: Path, python: Sequence[str] = ("-m", "mia_core"), **environment: str
    ) -> "Started":
        """The same, not waited for."""
        folder.mkdir(parents=True, exist_ok=True)
        own = {
            "PYTHONPATH": os.pathsep.join([str(self.project), *filter(None, [os.environ.get("PYTHONPATH")])]),
            "MIA_CACHE": str(folder / "cache"),
            "MIA_PROGRESS": "off",
            "OMP_NUM_THREADS": "1",
            "PYTHONDONTWRITEBYTECODE": "",
        }
        return Started([sys.executable, *python, *words], folder, {**os.environ, **own, **environment})

    def words(self, name: str, folder: Path, jobs: int = 1) -> list[str]:
        """The words of a command with its output in `folder`."""
        words = [word.replace("MODELS", str(self.root / "models.npz")) for word in COMMANDS[name]]
        workers = ["--jobs", str(jobs)] if name in ("study", "references") else []
        return [*words, *workers, "--scores" if name == "attack-models" else "--out", str(folder / OUT[name])]

    def whole(self, name: str) -> Whole:
        """An undisturbed run of the command `name`, made once: the second, since in the first loops are compiled."""
        with self._lock:
            if name not in self._whole:
                runs = []
                for folder in (self.root / f"first-{name}", self.root / f"undisturbed-{name}"):
                    done = self.run(self.words(name, folder), folder)
                    if done.status != 0:
                        raise SystemExit(f"campaign: mia {name} fails undisturbed: {done.err}")
                    runs.append(Whole(result(name, folder, done), done.seconds, folder))
                if differ := unlike(runs[0].result, runs[1].result):
                    raise SystemExit(f"campaign: mia {name} gives another result each time: {', '.join(differ)}")
                self._whole[name] = runs[1]
            return self._whole[name]


class Started:
    """A command that runs, in a session of its own; all that it starts carries a mark by which it is found."""

    def __init__(self, command: list[str], folder: Path, environment: dict[str, str]) -> None:
        self.command, self.mark = command, f"MIA_CAMPAIGN={os.urandom(8).hex()}"
        name, _, value = self.mark.partition("=")
        self.said = folder / f"said-{value}.txt"
        self.printed = folder / f"printed-{value}.txt"
        with open(self.said, "wb") as err, open(self.printed, "wb") as out:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment | {name: value},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
                preexec_fn=_prepare,
            )
        self.begun = time.perf_counter()
        self.peak = 0

    def end(self, send: int | None = None, at: float = 0.0, everyone: bool = False) -> Done:
        """Wait for it, with a signal on the way; then see who is left, and end them."""
        early, sent, before = False, self.begun, 0
        if send is not None:
            early = self._wait(self.begun + at)
            sent, before = time.perf_counter(), self.said.stat().st_size
            if not early:
                (os.killpg if everyone else os.kill)(self.process.pid, send)
        hung = not self._wait(time.perf_counter() + LIMIT)
        if hung:
            self._kill_all()
        ended, status = time.perf_counter(), None if hung else self.process.returncode
        while (left := marked(self.mark)) and time.perf_counter() - ended < GRACE:
            time.sleep(0.1)
        self._kill_all()
        said = self.said.read_bytes()
        err, after = (text.decode("utf-8", "replace") for text in (said, said[before:]))
        out = self.printed.read_bytes()
        self.said.unlink()
        self.printed.unlink()
        return Done(status, ended - self.begun, out, err, self.peak, ended - sent, after, early, tuple(left))

    def stop(self) -> None:
        """End it and all that it has started."""
        self._kill_all()
        self.said.unlink(missing_ok=True)
        self.printed.unlink(missing_ok=True)

    def _wait(self, until: float) -> bool:
        """Whether it has ended, at the latest at the time `until`."""
        while self.process.returncode is None:
            pid, status, used = os.wait4(self.process.pid, os.WNOHANG)
            if pid:
                self.process.returncode, self.peak = os.waitstatus_to_exitcode(status), used.ru_maxrss * 1024
            elif time.perf_counter() >= until:
                return False
            else:
                time.sleep(0.01)
        return True

    def _kill_all(self) -> None:
        for pid in marked(self.mark):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._wait(time.perf_counter() + GRACE)


def _prepare() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background ignores it, and hands that on
    resource.setrlimit(resource.RLIMIT_DATA, (MOST, MOST))


def marked(mark: str) -> list[int]:
    """Processes that carry the mark in their environment."""
    found = []
    for place in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in place.read_bytes().split(b"\0"):
                found.append(int(place.parent.name))
        except OSError:
            continue
    return found


def result(name: str, folder: Path, done: Done) -> dict[str, str]:
    """What must be the same, hashed: the table and what was printed, or every file of the report."""
    if name == "report":
        return pages(folder / OUT[name])
    return {"printed": _hash(done.out), "table": _hash((folder / OUT[name]).read_bytes())}


def pages(folder: Path) -> dict[str, str]:
    """Path -> hash of every file of a report, but for when and how fast it was made.

    The index of words holds the seconds, and the texts of tips come in another order each time.
    """
    found = tree(folder, CHANGES)
    for name in ("report.json", "results.json"):  # which have their keys in another order where a chapter was reused
        if name in found:
            record = json.loads((folder / name).read_text(encoding="utf-8"), object_hook=_lasting)
            found[name] = _hash(json.dumps(record, sort_keys=True).encode())
    return {name: digest for name, digest in found.items() if not name.startswith(("searchindex.", "_static/tippy/"))}


def _lasting(record: dict[str, object]) -> dict[str, object]:
    """A record without what is said of the one run that made it, its digest included."""
    return {name: value for name, value in record.items() if name not in ("made", "seconds", "reused", SEAL)}


def tree(folder: Path, changes: Sequence[tuple[bytes, bytes]] = ()) -> dict[str, str]:
    """Path -> hash of every file below a folder, after these replacements."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            for pattern, put in changes:
                content = re.sub(pattern, put, content)
            found[path.relative_to(folder).as_posix()] = _hash(content)
    return found


def unlike(found: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """Names under which two results differ."""
    return sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]

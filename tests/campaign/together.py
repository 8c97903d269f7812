"""Several processes want the same models at once, and a cluster dies under a study."""

import random
import re
import signal
import time
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

from campaign.cases import Found, Part, judged, not_clean, not_refused
from campaign.place import Place, Started, result, unlike

SCHEDULER = (
    "-m",
    "distributed.cli.dask_scheduler",
    "--host",
    "127.0.0.1",
    "--port",
    "0",
    "--no-dashboard",
)
WORKER = ("-m", "distributed.cli.dask_worker", "--nthreads", "1", "--no-nanny", "--no-dashboard")


def together(place: Place, case: int, draw: random.Random, folder: Path) -> Found:
    """Two to eight processes of one command share a cache; each has an output of its own."""
    name, count = draw.choice(("study", "references")), 2 + case % 7
    whole, places = place.whole(name), [folder / str(number) for number in range(count)]
    cache = {"MIA_CACHE": str(folder / "cache")}
    started = [place.start(place.words(name, own, draw.choice((1, 2))), own, **cache) for own in places]
    wrong: list[str | None] = []
    for process, own in zip(started, places, strict=True):
        done = process.end()
        problem = "hung" if done.status is None else not_clean(done)
        wrong.append(problem or ("another table" if unlike(result(name, own, done), whole.result) else None))
    return judged(f"{count} processes of {name}", wrong)


def cluster(place: Place, case: int, draw: random.Random, folder: Path) -> Found:
    """The scheduler or all workers are killed while a study trains on them; the study goes on with others."""
    victim = ("scheduler", "workers")[case % 2]
    if find_spec("distributed") is None:
        return Found(f"{victim} killed", None, "Dask is not installed")
    whole = place.whole("study")
    at = draw.uniform(0, whole.seconds)
    with _Cluster(place, folder) as made:
        study = place.start([*place.words("study", folder), "--scheduler", made.address], folder)
        time.sleep(at)
        made.kill(victim)
        done = study.end()
    if done.status == 0:  # it was done before
        wrong = ["another table" if unlike(result("study", folder, done), whole.result) else None]
    else:
        wrong = [not_refused(done)]
    with _Cluster(place, folder) as made:
        again = place.run([*place.words("study", folder), "--scheduler", made.address], folder)
    wrong.append(f"the same command: {problem}" if (problem := not_clean(again)) else None)
    if again.status == 0 and unlike(result("study", folder, again), whole.result):
        wrong.append("another table")
    return judged(f"{victim} killed", wrong, at, done.status)


class _Cluster:
    """A scheduler and two workers with a thread each; they end with the context."""

    def __init__(self, place: Place, folder: Path) -> None:
        self.place, self.folder, self.processes = place, folder, ExitStack()

    def __enter__(self) -> "_Cluster":
        self.scheduler = self._start(SCHEDULER)
        self.address = self._said(self.scheduler, r"tcp://[\d.]+:\d+")
        self.workers = [self._start((*WORKER, self.address)) for _ in range(2)]
        for worker in self.workers:
            self._said(worker, "Registered to")
        return self

    def __exit__(self, *_: object) -> None:
        self.processes.close()

    def kill(self, victim: str) -> None:
        """Kill the scheduler, or all workers."""
        for process in [self.scheduler] if victim == "scheduler" else self.workers:
            process.process.send_signal(signal.SIGKILL)

    def _start(self, python: tuple[str, ...]) -> Started:
        started = self.place.start([], self.folder, python)
        self.processes.callback(started.stop)
        return started

    def _said(self, process: Started, pattern: str) -> str:
        until = time.monotonic() + 60
        while not (found := re.search(pattern, process.said.read_text("utf-8", "replace"))):
            if time.monotonic() > until or process.process.poll() is not None:
                raise RuntimeError(f"{' '.join(process.command)} does not start")
            time.sleep(0.1)
        return found[0]


PARTS = {"processes at once": Part(14, together), "deaths of a cluster": Part(6, cluster)}

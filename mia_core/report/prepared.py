"""Kernels that start at once: forked from one process that has imported what chapters import.

Importing PyTorch, scikit-learn and the like takes seconds of processor time, for each of a book's chapters anew. Here
one process does it and then waits: for each request it forks, and the fork becomes the kernel. It has read no data,
started no thread and drawn no number, so a chapter cannot tell the difference.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mia_core.report.sources import python_path

IMPORTED = (
    "ipykernel.kernelapp", "ipykernel.ipkernel", "torch", "numba", "pandas", "matplotlib.figure",
    "scipy.stats", "scipy.optimize", "sklearn.datasets", "sklearn.linear_model", "sklearn.neural_network", "joblib",
    "pydantic", "myst_nb",
)  # fmt: skip
# Elsewhere the libraries do not bear being forked; some builds of Python lack the calls that watch such a process.
POSSIBLE = sys.platform == "linux" and hasattr(os, "pidfd_open") and hasattr(signal, "pidfd_send_signal")


class Forked:
    """A forked kernel, with what Jupyter's `LocalProvisioner` asks of a `subprocess.Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int) -> None:
        self.pid = pid
        try:
            self._process = os.pidfd_open(pid)
        except ProcessLookupError:
            self._process = -1

    def poll(self) -> int | None:
        """None while it runs, then 0: its status is known to the process that forked it only."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises `subprocess.TimeoutExpired`."""
        if self._ended(timeout) is None:
            raise subprocess.TimeoutExpired(f"kernel {self.pid}", timeout or 0)
        return 0

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            signal.pidfd_send_signal(self._process, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

    def _ended(self, timeout: float | None) -> int | None:
        if self._process >= 0 and not select.select([self._process], [], [], timeout)[0]:
            return None
        if self._process >= 0:
            os.close(self._process)
            self._process = -1
        return 0


class Prepared:
    """The process that forks, as the one sees it that asks for kernels. Several threads may ask."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process, self._one_by_one = process, threading.Lock()

    def fork(self, connection: str, folder: Path, environment: Mapping[str, str], log: Path) -> Forked | None:
        """A kernel for the connection file, or None where the process cannot: start one in the ordinary way then.

        folder       its current folder
        environment  its environment variables, all of them
        log          a file to which its standard output and error are appended
        """
        request = {"connection": connection, "folder": str(folder), "environment": dict(environment), "log": str(log)}
        with self._one_by_one, contextlib.suppress(OSError, ValueError):
            print(json.dumps(request), file=self._process.stdin, flush=True)
            return Forked(int(self._process.stdout.readline()))
        return None


@contextlib.contextmanager
def prepared(environment: Mapping[str, str]) -> Iterator[Prepared | None]:
    """The process that forks kernels, importing while the caller goes on; None where forking is not possible.

    environment  its environment variables. Libraries read some when they are imported (such as OMP_NUM_THREADS)
    """
    if not POSSIBLE:
        yield None
        return
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", __name__, *IMPORTED],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**environment, "PYTHONPATH": python_path()},
        encoding="utf-8",
        start_new_session=True,  # an interrupt from the terminal is the caller's affair
    )
    try:
        yield Prepared(process)
    finally:
        process.kill()
        process.communicate()


def serve() -> None:
    """Import the modules named as arguments, then become a kernel for each request on standard input.

    Its process number goes to standard output.
    """
    for module in sys.argv[1:]:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    gc.collect()
    gc.freeze()  # so that collecting garbage in a kernel copies no pages of what all share
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended kernels need nobody to wait for them
    with open(0, encoding="utf-8", closefd=False) as requests:
        for line in requests:
            parent, number = os.getpid(), os.fork()
            if number == 0:
                _become_kernel(parent, **json.loads(line))
                return
            print(number, flush=True)


def _become_kernel(parent: int, connection: str, folder: str, environment: dict[str, Any], log: str) -> None:
    os.setsid()  # the kernel and what it starts can be signalled together
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for target, source in ((0, os.open(os.devnull, os.O_RDONLY)), (1, output), (2, output)):
        os.dup2(source, target)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    from ipykernel.kernelapp import launch_new_instance

    # It ends when its parent ends. ipykernel reads this from the environment when it is imported, which is long ago.
    launch_new_instance(argv=["-f", connection, f"--IPKernelApp.parent_handle={parent}"])


if __name__ == "__main__":
    serve()

"""Whatever a program is doing, an end that is asked for is one line at once, and no process stays behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mia_core.base.files import sweep
from mia_core.report.sources import python_path

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are found under /proc")


def children(parent: int) -> set[int]:
    """All processes that descend from one."""
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            number, above = int(status.parent.name), int(status.read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        if above == parent:
            found |= {number, *children(number)}
    return found


def wait_for(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def started(*words, path=(), **variables):
    """A Python process in a group of its own, as a terminal starts it, whose SIGINT nobody has chosen to ignore."""
    paths = os.pathsep.join([*map(str, path), python_path()])
    return subprocess.Popen(
        [sys.executable, *words],
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def ended(process, number, whole_group=True):
    """What a process has said on stderr once it has this signal, and its status."""
    (os.killpg if whole_group else os.kill)(process.pid, number)
    return process.communicate(timeout=100)[1], process.returncode


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_a_study_ends_in_a_line_with_its_workers(tmp_path, number, status):
    small = "--seeds 2 --epochs 5000 --defenses none --jobs 2 -p network=mlp -p part=100 -p record=1"
    study = started("-m", "mia_core", "study", *small.split(), MIA_CACHE=str(tmp_path))
    wait_for(lambda: list(tmp_path.glob("runs/*.npz")) or study.poll() is not None)  # the first epoch is recorded
    workers = children(study.pid)
    assert len(workers) >= 2
    said = "mia: interrupted: 0 of 4 models are kept; the same command goes on\n" if status > 0 else ""
    assert ended(study, number, whole_group=number != signal.SIGKILL) == (said, status)
    wait_for(lambda: not [worker for worker in workers if Path(f"/proc/{worker}/exe").exists()])
    # A worker is killed, and where it was writing its temporary file stays until the next one that writes there.
    for temporary in (runs := tmp_path / "runs").glob(".*.tmp"):
        os.utime(temporary, (0, 0))
    sweep.__wrapped__(runs)
    assert not list(runs.glob(".*.tmp"))


@pytest.mark.parametrize(("module", "needs"), [
    ("mia_core", "typer"), ("mia_core.report", "yaml"), ("mia_core.studies.early_stopping", "numpy"),
])  # fmt: skip
def test_an_import_is_interrupted_in_a_line(tmp_path, module, needs):
    slow = "import pathlib, time\ntry:\n    pathlib.Path(__file__ + '.begun').touch()\n    time.sleep(600)\n"
    (tmp_path / f"{needs}.py").write_text(slow + "except BaseException:\n    raise ImportError('damaged')\n")
    program = started("-m", module, path=[tmp_path])
    wait_for((tmp_path / f"{needs}.py.begun").exists)
    assert ended(program, signal.SIGINT) == ("mia: interrupted\n", 130)


LONG = """
import hashlib, signal, sys
from mia_core.base.errors import run_as_program
from mia_core.base.interrupts import undone
def work():
    with undone(lambda: print("undone", flush=True)):
        print("begun", flush=True)
        hashlib.pbkdf2_hmac("sha256", b"", b"", int(sys.argv[1]))
run_as_program(work)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_long_call_is_interrupted_and_what_is_to_be_undone_is(number):
    program = started("-c", LONG, str(10**9))
    assert program.stdout.readline() == "begun\n"
    os.killpg(program.pid, number)
    assert program.communicate(timeout=100) == ("undone\n", "mia: interrupted\n")
    assert program.returncode == 128 + number


def test_an_interrupt_that_was_to_be_ignored_still_is():
    program = started("-c", "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)" + LONG, str(3 * 10**6))
    assert program.stdout.readline() == "begun\n"
    assert ended(program, signal.SIGINT) == ("", 0)


def test_an_interrupt_after_all_is_done_changes_nothing():
    code = (
        "import atexit, time; from mia_core.base.errors import run_as_program; "
        "atexit.register(time.sleep, 2); run_as_program(lambda: print('done', flush=True))"
    )
    program = started("-c", code)
    assert program.stdout.readline() == "done\n"
    time.sleep(0.5)  # until Python's own end has begun
    assert ended(program, signal.SIGINT) == ("", 0)

"""A study that is told to end ends its workers too, and is resumed later."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

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


def test_a_study_that_is_told_to_end_leaves_no_worker_behind(tmp_path):
    command = "study --seeds 2 --epochs 5000 --defenses none --jobs 2 -p precision=float32 -p part=100"
    environment = {**os.environ, "PYTHONPATH": python_path(), "MIA_CACHE": str(tmp_path), "OMP_NUM_THREADS": "1"}
    study = subprocess.Popen([sys.executable, "-m", "mia_core.cli.main", *command.split()], env=environment)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("runs/*.npz")) and time.monotonic() < deadline:  # the first epoch is recorded
        time.sleep(0.2)
    workers = children(study.pid)
    assert workers and study.poll() is None
    study.send_signal(signal.SIGTERM)
    assert study.wait(60) == 143
    deadline = time.monotonic() + 60
    while left := [worker for worker in workers if Path(f"/proc/{worker}").exists()]:
        assert time.monotonic() < deadline, left
        time.sleep(0.2)

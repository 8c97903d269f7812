"""Kernels that are forked from one prepared process, and those that are started where that cannot be."""

import os
import signal
import sys
import time
from pathlib import Path

import nbformat
import pytest

from mia_core.report import BookError, prepared
from mia_core.report.execution import run_chapter
from mia_core.report.kernels import Kernels, kernels
from mia_core.report.schedule import places

pytest.importorskip("papermill")
pytestmark = pytest.mark.usefixtures("own_cache")

SAYS = """\
import os, signal, sys
print(os.getcwd(), os.environ["LOKY_MAX_CPU_COUNT"], "MIA_SAID" in os.environ)
print(Path.cwd() if "Path" in globals() else "nothing of another chapter", sys.executable)
print("torch" in sys.modules, signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL)
import subprocess
print(subprocess.run(["false"]).returncode, os.getpgid(0) == os.getpid())
"""
needs_forks = pytest.mark.skipif(not prepared.POSSIBLE, reason="kernels are forked on Linux only")


def run(folder: Path, starting: Kernels, source: str = SAYS) -> list[str]:
    """What a chapter of one cell prints."""
    notebook = folder / "chapter.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)]), notebook)
    run_chapter("chapter", notebook, {}, {}, folder, folder / "private", starting)
    outputs = nbformat.read(notebook, as_version=4).cells[0].outputs
    return "".join(output.text for output in outputs).splitlines()


@pytest.fixture(scope="module")
def forking():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIA_SAID", "yes")
        with kernels(3) as starting:
            yield starting


@needs_forks
def test_a_forked_kernel_has_all_imported_and_is_else_like_one_that_was_started(forking, tmp_path):
    expected = [f"{tmp_path} 3 True", f"nothing of another chapter {sys.executable}", "{} True", "1 True"]
    forked, started = run(tmp_path, forking), run(tmp_path, Kernels(forking.environment))
    assert forked == [line.format(True) for line in expected]
    assert started == [line.format(False) for line in expected]


@needs_forks
def test_one_chapter_leaves_nothing_behind_for_the_next(forking, tmp_path):
    run(tmp_path, forking, "import torch, os\ntorch.left = 1\nos.environ['MIA_LEFT'] = '1'\nprint()")
    assert run(tmp_path, forking, "import torch, os\nprint(hasattr(torch, 'left'), 'MIA_LEFT' in os.environ)") == [
        "False False"
    ]


@needs_forks
def test_a_forked_kernel_that_dies_is_noticed_and_named(forking, tmp_path):
    with pytest.raises(BookError, match=r"chapter chapter, cell .* died"):
        run(tmp_path, forking, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")


@needs_forks
def test_without_the_process_that_forks_a_kernel_is_started(tmp_path):
    with kernels(1) as starting:
        os.kill(starting.prepared._process.pid, signal.SIGKILL)
        starting.prepared._process.wait()
        assert run(tmp_path, starting, "print('here')") == ["here"]


@needs_forks
def test_kernels_do_not_outlive_the_build(tmp_path):
    with kernels(1) as starting:
        forked = starting.prepared.fork(
            str(tmp_path / "none.json"), tmp_path, starting.environment, tmp_path / "kernel.log"
        )
        assert forked is not None
    deadline = time.monotonic() + 30
    while forked.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    assert forked.poll() == 0 and forked.wait(1) == 0
    forked.kill()  # of no effect, and no error


def test_elsewhere_every_kernel_is_started(tmp_path, monkeypatch):
    monkeypatch.setattr(prepared, "POSSIBLE", False)
    with kernels(1) as starting:
        assert starting.prepared is None
        assert run(tmp_path, starting, "print('here')") == ["here"]


@pytest.mark.parametrize(
    ("cores", "chapters", "expected"),
    [(1, 17, (1, 1)), (2, 17, (2, 1)), (2, 1, (1, 2)), (8, 17, (2, 4)), (16, 17, (4, 4)), (64, 17, (8, 8))],
)
def test_all_cores_have_work_and_none_has_two(cores, chapters, expected, monkeypatch):
    monkeypatch.setattr("joblib.cpu_count", lambda: cores)
    at_once, workers = places(chapters)
    assert (at_once, workers) == expected and at_once * workers <= cores

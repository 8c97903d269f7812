"""The kernels that run chapters: in this interpreter, with nothing of the user's, and each for itself."""

import sys

import nbformat
import pytest

from mia_core.report.execution import run_chapter
from mia_core.report.kernels import environment
from mia_core.report.schedule import places

pytest.importorskip("papermill")

# Into a file, as no path stays in the notebook.
SAYS = """\
import os, subprocess, sys
from functools import partial
print = partial(print, file=open("said", "a"))
print(os.getcwd(), sys.executable)
print(os.environ["LOKY_MAX_CPU_COUNT"], os.environ["MIA_SAID"], os.environ["MIA_CACHE"], os.environ["MPLBACKEND"])
print(subprocess.run(["false"]).returncode, os.getpgid(0) == os.getpid())
import mia_book
"""


def test_a_kernel_has_its_own_folder_and_environment(tmp_path, own_cache, monkeypatch):
    monkeypatch.setenv("MIA_SAID", "yes")
    monkeypatch.setenv("MPLBACKEND", "TkAgg")
    notebook = tmp_path / "chapter.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SAYS)]), notebook)
    run_chapter("chapter", notebook, {}, {}, tmp_path, tmp_path / "private", environment(3))
    assert (tmp_path / "said").read_text().splitlines() == [
        f"{tmp_path} {sys.executable}",
        f"3 yes {own_cache} module://matplotlib_inline.backend_inline",
        "1 True",
    ]


@pytest.mark.parametrize(("cores", "chapters", "expected"), [
    (1, 17, (1, 1)), (2, 17, (2, 1)), (2, 1, (1, 2)), (8, 17, (2, 4)), (16, 17, (4, 4)), (64, 17, (8, 8)),
])  # fmt: skip
def test_all_cores_have_work_and_none_has_two(cores, chapters, expected, monkeypatch):
    monkeypatch.setattr("joblib.cpu_count", lambda: cores)
    at_once, workers = places(chapters)
    assert (at_once, workers) == expected and at_once * workers <= cores

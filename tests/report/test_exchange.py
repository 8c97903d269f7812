"""A new report takes the place of the older one when it is whole; until then, and if it fails, the older one stays."""

import os
import subprocess
import sys

import pytest

from books import is_older_report, older_report, one_chapter
from mia_core.base.errors import RunError, SettingsError
from mia_core.report import exchange as exchanged
from mia_core.report.exchange import check_out, exchange, sweep, workshop


def new_site(folder):
    (folder / "site").mkdir()
    (folder / "site" / "index.html").write_text("new numbers")
    return folder / "site"


def test_a_whole_report_takes_the_place_of_the_older_one(tmp_path):
    out = older_report(tmp_path / "out")
    with workshop(out) as folder:
        assert folder.parent == tmp_path and folder.stat().st_mode & 0o077 == 0
        site = new_site(folder)
        assert is_older_report(out)
        exchange(site, out, folder)
    assert [path.name for path in tmp_path.iterdir()] == ["out"] and [path.name for path in out.iterdir()] == [
        "index.html"
    ]


@pytest.mark.parametrize("problem", [OSError(5, "Input/output error"), KeyboardInterrupt()], ids=["disk", "interrupt"])
def test_an_older_report_comes_back_where_the_new_one_cannot_be_put(tmp_path, monkeypatch, problem):
    out = older_report(tmp_path / "out")
    replace = os.replace

    def fails(old, new):
        if os.path.basename(old) == "site":
            raise problem
        replace(old, new)

    with pytest.raises(type(problem)), workshop(out) as folder:
        site = new_site(folder)
        monkeypatch.setattr(exchanged.os, "replace", fails)
        exchange(site, out, folder)
    assert is_older_report(out) and [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_killed_builds_have_left_is_swept_and_nothing_else(tmp_path):
    dead = tmp_path / ".report-abcd_123"
    (dead / "older").mkdir(parents=True)
    (dead / "lock").touch()
    older_report(dead / "older" / "out")  # killed in the moment between two moves
    (tmp_path / ".report-00000000").mkdir()  # or before it had a lock
    # What it had started wrote on for a moment, after an earlier sweep.
    (tmp_path / ".report-11111111" / "copy" / "_build").mkdir(parents=True)
    for name in (".report-drafts", ".report-thesis_1"):  # somebody's own
        (tmp_path / name).mkdir()
        (tmp_path / name / "chapter.md").touch()
    with workshop(tmp_path / "other") as alive:
        (alive / "copy").mkdir()
        sweep(tmp_path)
        assert (alive / "copy").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"out", ".report-drafts", ".report-thesis_1"}
    assert is_older_report(tmp_path / "out")


def test_something_else_that_has_come_meanwhile_is_not_replaced(tmp_path):
    out = tmp_path / "out"
    with pytest.raises(SettingsError, match="holds no report"), workshop(out) as folder:
        site = new_site(folder)
        out.mkdir()
        (out / "thesis.tex").touch()
        exchange(site, out, folder)
    assert [path.name for path in out.iterdir()] == ["thesis.tex"]


LIMITED = """\
import resource, sys
from pathlib import Path

from mia_core.base.errors import run_as_program
from mia_core.report import build_report

resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, resource.RLIM_INFINITY))
run_as_program(lambda: build_report({}, sys.argv[1], source=Path(sys.argv[2])))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files on this system")
def test_a_disk_that_takes_no_more_is_one_line_and_the_older_report_stays(tmp_path, own_cache):
    pytest.importorskip("jupyter_book")
    source, out = one_chapter(tmp_path, "1"), older_report(tmp_path / "out")
    command = [sys.executable, "-c", LIMITED, str(out), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    last = f"mia: error: {out}: cannot be written: File too large"
    assert done.returncode == 1 and done.stderr.splitlines()[-1] == last and "Traceback" not in done.stderr
    assert is_older_report(out) and sorted(path.name for path in tmp_path.iterdir()) == ["out", "source"]


@pytest.mark.parametrize("call", ["tempfile.mkdtemp", "pathlib.Path.mkdir"])
def test_a_full_folder_is_named(tmp_path, monkeypatch, call):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(call, full)
    words = f"^{tmp_path / 'out'}: cannot be written: No space left on device$"
    with pytest.raises(RunError, match=words), workshop(check_out(tmp_path / "out")):
        pass


def test_whatever_fails_on_a_disk_that_is_nearly_full_fails_for_want_of_room(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("Usage", (), {"free": 4096}))
    with pytest.raises(RunError, match="out: cannot be written: No space left on device"), workshop(tmp_path / "out"):
        raise RunError("a kernel that could not write its files")

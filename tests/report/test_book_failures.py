"""The builder of the report: every way in which a chapter or a book can fail, and what is left then."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from books import is_older_report, older_report, one_chapter
from mia_core.base.errors import SettingsError
from mia_core.base.interrupts import ended_by_sigterm
from mia_core.report import BookError, build_report
from mia_core.report.exchange import sweep
from mia_core.report.execution import run_chapter

pytest.importorskip("jupyter_book")
pytest.importorskip("papermill")
pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.mark.parametrize("rich", [False, True], ids=["plain", "rich"])
@pytest.mark.parametrize(("cell", "words"), [
    ("1/0", ["[2]", "1/0", "ZeroDivisionError: division by zero"]),
    ("%no_such_magic", ["%no_such_magic", "UsageError"]), ("%run missing.py", ["%run missing.py", "missing.py"]),
    ("import sys; sys.exit(0)", ["sys.exit(0)", "SystemExit: 0"]),
    ("import os; os.kill(os.getpid(), 9)", ["[2]", "os.kill", "died"]),
    ("quit()", ["[2]", "quit()", "ended the process"]),
], ids=["error", "magic", "run", "exit", "kill", "quit"])  # fmt: skip
def test_failed_cell_stops_the_build_and_leaves_the_older_report(tmp_path, capsys, cell, words, rich):
    first = ["from rich import traceback; traceback.install(show_locals=True)"] if rich else []
    last = [] if cell == "quit()" else ["after = 1"]  # of a kernel that has quit, no later cell may be needed to tell
    source = one_chapter(tmp_path, *first, cell, *last)
    out = tmp_path / "out"
    if not rich:
        older_report(out)
    with pytest.raises(BookError) as failure:
        build_report({}, out, source=source)
    message = str(failure.value)
    assert "chapter broken" in message and "\n" not in message
    for word in words:
        assert word.replace("[2]", "[3]" if rich else "[2]") in message
    left = ["source"] if rich else ["out", "source"]
    assert sorted(path.name for path in tmp_path.iterdir()) == left, "nothing that looks new may be left"
    assert rich or is_older_report(out)
    if cell == "1/0" and not rich:
        said = capsys.readouterr().err
        assert "Traceback" in said and "\x1b" not in said and "ZeroDivisionError: division" in said
        assert said.endswith(f"failed\nmia: note: {out} holds the earlier report, as it was\n")


def test_a_mistake_of_the_user_in_a_chapter_is_its_one_line(tmp_path, capsys):
    cell = "from mia_core.base.errors import RunError\nraise RunError('full/x: cannot be written')"
    source = one_chapter(tmp_path, cell)
    with pytest.raises(BookError, match=r"^chapter broken, cell \[2\] .*: RunError: full/x: cannot be written$"):
        build_report({}, tmp_path / "out", source=source)
    assert "Traceback" not in capsys.readouterr().err


def test_outputs_that_a_busy_machine_delivers_late_are_waited_for(tmp_path):
    late = """
    import time
    kernel = get_ipython().kernel
    publish = kernel._publish_status
    kernel._publish_status = lambda *state, **more: (time.sleep(5 * ("idle" in state)), publish(*state, **more))
    "came late"
    """
    notebook = next(one_chapter(tmp_path, textwrap.dedent(late)).rglob("broken.ipynb"))
    run_chapter("broken", notebook, {}, {}, tmp_path, tmp_path / "private", dict(os.environ))
    assert "came late" in notebook.read_text(encoding="utf-8").split('"outputs"')[-1]


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="no signals on this system")
@pytest.mark.parametrize(("number", "status"), [
    (signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT), (signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL),
])  # fmt: skip
def test_an_end_from_outside_leaves_the_older_report_alone_and_ends_the_kernels(tmp_path, number, status):
    told = tmp_path / "told"
    cell = f"import os, time\nopen({str(told)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)"
    source = one_chapter(tmp_path, cell)
    out = older_report(tmp_path / "out")
    build = f"build_report({{}}, 'out', source=__import__('pathlib').Path({str(source)!r}))"
    if status == 130:  # as a program
        build = f"from mia_core.base.errors import run_as_program; run_as_program(lambda: {build})"
    command = [sys.executable, "-c", f"from mia_core.report import build_report; {build}"]
    # A shell that runs the tests in its background has them ignore SIGINT, which a process hands on.
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for(lambda: told.is_file() and told.read_text())
        sweep(tmp_path)
        (building,) = tmp_path.glob(".report-*")  # while it runs, no other build takes it for a dead one's
        assert building.stat().st_mode & 0o077 == 0
        process.send_signal(number)
        said = process.communicate(timeout=100)[1]
    finally:
        process.kill()
    assert process.returncode == status
    if status == 130:
        assert said == "mia: interrupted: 0 of 1 chapters are kept (none); the same command goes on\n"
    assert is_older_report(out)
    wait_for(lambda: not Path("/proc", told.read_text()).exists())
    if number == signal.SIGKILL:
        assert building.exists()
        sweep(tmp_path)  # as the next build does
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "source", "told"]


def wait_for(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def test_handler_of_the_caller_is_left_alone_and_the_default_comes_back():
    with ended_by_sigterm():
        assert callable(signal.getsignal(signal.SIGTERM))
        with pytest.raises(SystemExit) as ended:
            os.kill(os.getpid(), signal.SIGTERM)
        assert ended.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with ended_by_sigterm():
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def test_missing_tools_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr("mia_core.report.build.find_spec", lambda name: None if name == "papermill" else name)
    with pytest.raises(BookError, match=r"the book needs papermill, not installed here: pip install .*\[book\]"):
        build_report({}, tmp_path / "out", source=one_chapter(tmp_path))


def test_foreign_folder_is_never_overwritten_also_not_in_the_users_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    source, mine = one_chapter(tmp_path, "1"), tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.tex").write_text("years of work")
    for out, words in ((mine, "holds no report"), (mine / "thesis.tex", "is a file"), ("~/mine", "holds no report")):
        with pytest.raises(SettingsError, match=words):
            build_report({}, out, source=source)
        (mine / "report.json").write_text('{"from": "another tool"}')
    assert (mine / "thesis.tex").read_text() == "years of work"


def test_missing_book_or_chapter_is_one_clear_error(tmp_path):
    with pytest.raises(BookError, match="holds no book"):
        build_report({}, tmp_path / "out", source=tmp_path)
    source = one_chapter(tmp_path)
    with pytest.raises(SettingsError, match="chapter: brokn: unknown; did you mean broken"):
        build_report({}, tmp_path / "out", chapters=["brokn"], source=source)
    (source / "book" / "broken.ipynb").unlink()
    with pytest.raises(BookError, match=r"names book/broken, but there is no book/broken\.ipynb"):
        build_report({}, tmp_path / "out", source=source)

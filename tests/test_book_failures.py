"""The builder of the report: every way in which a chapter or a book can fail, and what is left then."""

from pathlib import Path

import pytest
from books import code, one_chapter, write_book

from mia_core.book import BookError, build_report
from mia_core.errors import SettingsError

pytest.importorskip("jupyter_book")
pytest.importorskip("papermill")
pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.mark.parametrize("rich", [False, True], ids=["plain", "rich"])
@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("1/0", ["[2]", "1/0", "ZeroDivisionError: division by zero"]),
        ("%no_such_magic", ["%no_such_magic", "UsageError"]),
        ("%run missing.py", ["%run missing.py", "missing.py"]),
        ("import sys; sys.exit(0)", ["sys.exit(0)", "SystemExit: 0"]),
        ("import os; os.kill(os.getpid(), 9)", ["os.kill", "died"]),
    ],
    ids=["error", "magic", "run", "exit", "kill"],
)
def test_failed_cell_stops_the_build(tmp_path: Path, cell: str, words: list[str], rich: bool) -> None:
    first = ["from rich import traceback; traceback.install(show_locals=True)"] if rich else []
    source = one_chapter(tmp_path, *first, cell, "after = 1")
    out = tmp_path / "out"
    with pytest.raises(BookError) as failure:
        build_report({}, out, source=source)
    message = str(failure.value)
    assert "chapter broken" in message and "\n" not in message
    for word in words if not rich else words[1:]:
        assert word in message
    assert not out.exists(), "nothing that looks finished may be left"
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_error_is_the_last_thing_printed_before_the_message(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(BookError):
        build_report({}, tmp_path / "out", source=one_chapter(tmp_path, "int('x')"))
    said = capsys.readouterr().err
    assert "Traceback" in said and "\x1b" not in said
    assert said.rstrip().endswith("failed") and "ValueError: invalid literal" in said


def test_failure_removes_the_older_report(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "report.json").write_text("{}")
    (out / "index.html").write_text("old numbers")
    with pytest.raises(BookError, match="chapter broken"):
        build_report({}, out, source=one_chapter(tmp_path, "1/0"))
    assert not out.exists()


def test_warning_of_the_renderer_stops_the_build(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    source = write_book(tmp_path / "source", {"chapter": ["# A chapter\n\n[](#fig-nowhere)", code("1 + 1")]})
    with pytest.raises(BookError, match=r"does not render: book/chapter\.ipynb.*fig-nowhere"):
        build_report({}, tmp_path / "out", source=source)
    assert not (tmp_path / "out").exists()


def test_missing_tools_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mia_core.book.build.find_spec", lambda name: None if name == "papermill" else name)
    with pytest.raises(BookError, match=r"the book needs papermill, not installed here: pip install .*\[book\]"):
        build_report({}, tmp_path / "out", source=one_chapter(tmp_path))


def test_unknown_chapter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="chapter: brokn: unknown; did you mean broken"):
        build_report({}, tmp_path / "out", chapters=["brokn"], source=one_chapter(tmp_path))


def test_foreign_folder_is_never_overwritten(tmp_path: Path) -> None:
    source = one_chapter(tmp_path, "1")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.tex").write_text("years of work")
    with pytest.raises(SettingsError, match="not empty and holds no report"):
        build_report({}, mine, source=source)
    with pytest.raises(SettingsError, match="is a file"):
        build_report({}, mine / "thesis.tex", source=source)
    assert (mine / "thesis.tex").read_text() == "years of work"


def test_missing_book_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(BookError, match="holds no book"):
        build_report({}, tmp_path / "out", source=tmp_path)
    source = one_chapter(tmp_path)
    (source / "book" / "broken.ipynb").unlink()
    with pytest.raises(BookError, match=r"names book/broken, but there is no book/broken\.ipynb"):
        build_report({}, tmp_path / "out", source=source)


def test_home_folder_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mia_core.book.build import check_out

    monkeypatch.setenv("HOME", str(tmp_path))
    assert check_out("~/my report") == tmp_path / "my report"

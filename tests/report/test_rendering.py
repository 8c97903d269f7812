"""Rendering by Jupyter Book: what it refuses to overwrite, and what it complains of."""

import subprocess
import sys
from pathlib import Path

import pytest

from books import write_book
from mia_core.report import BookError, build_report
from mia_core.report.sources import python_path

pytest.importorskip("jupyter_book")
pytestmark = pytest.mark.usefixtures("own_cache")


def jupyter_book(folder: Path, monkeypatch: pytest.MonkeyPatch) -> subprocess.CompletedProcess[str]:
    """`jupyter-book build .` as a reader types it."""
    monkeypatch.setenv("PYTHONPATH", python_path())
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", "."]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_a_report_is_not_overwritten_by_jupyter_book(tmp_path, monkeypatch):
    source = write_book(tmp_path / "source", {"chapter": ["# A chapter"]})
    site = source / "_build" / "html"
    site.mkdir(parents=True)
    (site / "report.json").write_text("{}")
    (site / "index.html").write_text("of mia report")
    done = jupyter_book(source, monkeypatch)
    assert done.returncode and "holds a report that mia report has made" in done.stdout + done.stderr
    assert {path.name for path in site.iterdir() if path.is_file()} == {"report.json", "index.html"}
    assert (site / "report.json").read_text() == "{}" and (site / "index.html").read_text() == "of mia report"
    (site / "report.json").unlink()
    assert jupyter_book(source, monkeypatch).returncode == 0
    assert "A chapter" in (site / "book" / "chapter.html").read_text()


def test_the_first_complaint_of_the_renderer_is_told_and_no_site_is_left(tmp_path, capfd):
    source = write_book(tmp_path / "source", {"chapter": ["# A chapter\n\n[](#fig-nowhere)"]})
    with pytest.raises(BookError, match=r"does not render: book/chapter\.ipynb.*fig-nowhere"):
        build_report({}, tmp_path / "out", source=source)
    assert "fig-nowhere" in capfd.readouterr().err and not (tmp_path / "out").exists()

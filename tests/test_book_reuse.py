"""A chapter is run again when anything that shapes it has changed, and only then."""

import json
import os
from pathlib import Path

import pytest
from books import code, one_chapter, write_chapter

from mia_core.book import build_report, reuse
from mia_core.book.sources import Book

pytest.importorskip("jupyter_book")
pytest.importorskip("papermill")


@pytest.fixture
def unrendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the rendering out, where only the chapters matter."""

    def no_render(book: Book) -> Path:
        site = book.root / "site"
        site.mkdir()
        return site

    monkeypatch.setattr("mia_core.book.build.render", no_render)


def reused(out: Path) -> bool:
    return "reused" in json.loads((out / "report.json").read_text())["chapters"]["broken"]


@pytest.mark.usefixtures("unrendered")
def test_unchanged_chapter_is_not_run_again(tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = tmp_path / "runs"
    source = one_chapter(tmp_path, f"print(epochs, file=open({str(runs)!r}, 'a'))")
    out = tmp_path / "out"

    def builds(**options: object) -> list[str]:
        before = len(runs.read_text().split()) if runs.exists() else 0
        assert build_report(**{"params": {}, "out": out, "source": source, **options}) == out
        return runs.read_text().split()[before:]

    assert builds() == ["1"] and not reused(out)
    assert builds() == [] and reused(out)
    assert builds(fresh=True) == ["1"] and not reused(out)
    assert builds(params={"epochs": 3}) == ["3"]
    assert builds() == []

    for file in (own_cache / "chapters" / "broken").glob("*.ipynb"):
        file.write_bytes(file.read_bytes()[:100])
    assert builds() == ["1"], "a damaged file counts as missing"

    monkeypatch.setattr("mia_core.book.record.versions", lambda: {"mia_core": "one function changed"})
    assert builds() == ["1"]
    write_chapter(
        source / "book" / "broken.ipynb",
        [code("epochs = 1", "parameters"), code(f"open({str(runs)!r}, 'a').write('new')")],
    )
    assert builds() == ["new"]


def test_everything_that_shapes_a_chapter_is_in_its_fingerprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chapter = tmp_path / "a.ipynb"
    write_chapter(chapter, [code("epochs = 1", "parameters"), code("epochs")])
    record = {"settings": {}, "data": {"fingerprint": "one"}, "versions": {"mia_core": "1"}}
    results = tmp_path / "results"
    results.mkdir()
    monkeypatch.setenv("MIA_RESULTS", str(results))

    def key(given: dict | None = None, **changes: object) -> str | None:
        reuse._surroundings.cache_clear()
        return reuse.fingerprint(chapter, given or {}, record | changes)

    first = key()
    assert first == key()
    others = [key({"epochs": 2}), key(data={"fingerprint": "two"}), key(versions={"mia_core": "2"})]
    (results / "recorded.csv").write_text("a")
    others.append(key())
    (results / "recorded.csv").write_text("b")
    others.append(key())
    (results / "recorded.csv").unlink()
    monkeypatch.setattr(reuse, "distributions", lambda: [])
    others.append(key())
    monkeypatch.undo()
    monkeypatch.setenv("MIA_RESULTS", str(results))
    write_chapter(chapter, [code("epochs = 1", "parameters"), code("epochs ")])
    others.append(key())
    assert len({first, *others}) == 1 + len(others)
    reuse._surroundings.cache_clear()

    write_chapter(chapter, [code("epochs = 1", "parameters", "run-every-time")])
    assert key() is None and reuse.find("a", None) is None


def test_only_the_latest_runs_of_a_chapter_are_kept(tmp_path: Path, own_cache: Path) -> None:
    chapter = tmp_path / "a.ipynb"
    write_chapter(chapter, ["# A"])
    for number in range(reuse.KEPT + 3):
        reuse.keep("a", f"{number:024}", chapter)
        os.utime(own_cache / "chapters" / "a" / f"{number:024}.ipynb", (number, number))
    names = sorted(path.stem for path in (own_cache / "chapters" / "a").iterdir())
    assert len(names) == reuse.KEPT and names[-1] == f"{reuse.KEPT + 2:024}"

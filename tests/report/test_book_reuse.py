"""A chapter is run again when anything that shapes it has changed, and only then."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from books import code, one_chapter, unrendered, write_chapter
from mia_core.report import build_report, record, reuse
from mia_core.studies.recorded import REPORT_ARRAYS

pytest.importorskip("jupyter_book")
pytest.importorskip("papermill")


@pytest.fixture
def only_chapters() -> Iterator[None]:
    """Leave the rendering out, where only the chapters matter."""
    with unrendered():
        yield


def reused(out: Path) -> bool:
    return "reused" in json.loads((out / "report.json").read_text())["chapters"]["broken"]


@pytest.mark.usefixtures("only_chapters")
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
    for file in (own_cache / "chapters" / "broken").glob("*.ipynb"):
        file.write_bytes(file.read_bytes().replace(b"completed", b"Completed"))
    assert builds() == ["1"], "so does one that was altered"

    monkeypatch.setattr("mia_core.report.record.versions", lambda: {"mia_core": "one function changed"})
    assert builds() == ["1"]
    write_chapter(
        source / "book" / "broken.ipynb",
        [code("epochs = 1", "parameters"), code(f"open({str(runs)!r}, 'a').write('new')")],
    )
    assert builds() == ["new"]


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str | None]:
    """The fingerprint of a small chapter, with no recorded results and no arrays of the report but the test's own."""
    write_chapter(tmp_path / "a.ipynb", [code("epochs = 1", "parameters"), code("epochs")])
    (tmp_path / "results").mkdir()
    monkeypatch.setenv("MIA_RESULTS", str(tmp_path / "results"))
    monkeypatch.delenv("MIA_SHARED", raising=False)

    def found(given: dict | None = None, **changes: object) -> str | None:
        record = {"settings": {}, "data": {"fingerprint": "one"}, "versions": {"mia_core": "1"}}
        reuse.surroundings.cache_clear()
        try:
            return reuse.fingerprint(tmp_path / "a.ipynb", given or {}, record | changes)
        finally:
            reuse.surroundings.cache_clear()

    return found


def test_everything_that_shapes_a_chapter_is_in_its_fingerprint(
    tmp_path: Path, key: Callable[..., str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = key()
    assert first == key()
    others = [key({"epochs": 2}), key(data={"fingerprint": "two"}), key(versions={"mia_core": "2"})]
    with monkeypatch.context() as patch:
        patch.setattr(reuse, "distributions", lambda: [])
        others.append(key())
    write_chapter(tmp_path / "a.ipynb", [code("epochs = 1", "parameters"), code("epochs ")])
    others.append(key())
    assert len({first, *others}) == 1 + len(others)

    write_chapter(tmp_path / "a.ipynb", [code("epochs = 1", "parameters", "run-every-time")])
    assert key() is None and reuse.find("a", None) is None


@pytest.mark.parametrize("name", ["results/recorded.csv", "results/benchmarks/epoch.json"])
def test_what_chapters_read_shapes_them_by_name_and_content(
    tmp_path: Path, key: Callable[..., str | None], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("MIA_SHARED", str(tmp_path / "shared"))
    found = [key()]
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    for content in ("a", "b"):
        file.write_text(content)
        found.append(key())
    file.rename(file.with_stem("other"))
    found.append(key())
    assert len(set(found)) == len(found)
    if name.startswith("shared"):
        (tmp_path / "shared").rename(tmp_path / "elsewhere")
        monkeypatch.setenv("MIA_SHARED", str(tmp_path / "elsewhere"))
        assert key() == found[-1], "the content counts, not the place"
        return
    file.with_stem("other").unlink()
    assert key() == found[0]


@pytest.mark.parametrize("changed", REPORT_ARRAYS.values())
def test_the_reports_own_arrays_shape_a_chapter_by_their_content(
    tmp_path: Path, key: Callable[..., str | None], monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    found = [key()]
    folder = tmp_path / "shared" / "data" / "report-arrays"
    folder.mkdir(parents=True)
    monkeypatch.setenv("MIA_SHARED", str(tmp_path / "shared"))
    assert key() == found[0], "a folder without the arrays is not read"
    for name in REPORT_ARRAYS.values():
        (folder / name).write_bytes(b"as published")
    found.append(key())
    (folder / changed).write_bytes(b"as  changed!")
    found.append(key())
    assert len(set(found)) == 3
    (folder / changed).write_bytes(b"as published")
    assert key() == found[1]
    (tmp_path / "shared").rename(tmp_path / "elsewhere")
    monkeypatch.setenv("MIA_SHARED", str(tmp_path / "elsewhere"))
    assert key() == found[1], "the content counts, not the place"


def test_only_the_latest_runs_of_a_chapter_are_kept(tmp_path: Path, own_cache: Path) -> None:
    chapter = tmp_path / "a.ipynb"
    write_chapter(chapter, ["# A"])
    for number in range(reuse.KEPT + 3):
        reuse.keep("a", f"{number:024}", chapter)
        (kept,) = (own_cache / "chapters" / "a").glob(f"{number:024}-*.ipynb")
        os.utime(kept, (number, number))
    names = sorted(path.stem.partition("-")[0] for path in (own_cache / "chapters" / "a").iterdir())
    assert len(names) == reuse.KEPT and names[-1] == f"{reuse.KEPT + 2:024}"


@pytest.mark.usefixtures("only_chapters")
def test_chapter_that_is_edited_while_it_runs_is_run_again(tmp_path: Path) -> None:
    chapter = tmp_path / "source" / "book" / "broken.ipynb"
    source = one_chapter(tmp_path, f"file = {str(chapter)!r}; text = open(file).read()")
    edited = one_chapter_edits_itself(chapter)
    write_chapter(source / "book" / "broken.ipynb", edited)
    out = tmp_path / "out"
    build_report({}, out, source=source)
    assert "new text" in chapter.read_text(encoding="utf-8")
    build_report({}, out, source=source)
    assert not reused(out)


@pytest.mark.usefixtures("only_chapters")
def test_chapter_is_not_kept_where_the_code_has_changed_meanwhile(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, found = one_chapter(tmp_path, "1"), iter(["before", "after", "after", "after"])
    monkeypatch.setattr("mia_core.report.build.sources", lambda: next(found))
    build_report({}, tmp_path / "out", source=source)
    assert "not kept for the next report, as the package's code has changed meanwhile" in capsys.readouterr().err
    build_report({}, tmp_path / "out", source=source)
    assert not reused(tmp_path / "out")


def test_cache_that_cannot_be_written_costs_no_chapter(tmp_path: Path, own_cache: Path) -> None:
    write_chapter(tmp_path / "a.ipynb", ["# A"])
    (own_cache / "chapters").write_text("in the way")
    assert "not kept for the next report: " in reuse.keep("a", "0" * 24, tmp_path / "a.ipynb")


def one_chapter_edits_itself(chapter: Path) -> list[object]:
    """A chapter that another editor changes while it runs, as if its own code did."""
    edit = f"p = {str(chapter)!r}; text = open(p).read(); open(p, 'w').write(text.replace('old text', 'new text'))"
    return [code("epochs = 1", "parameters"), "Some old text.", code(edit)]


def test_the_code_of_the_package_and_of_the_chapters_helpers_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "__file__", str(tmp_path / "mia_core" / "report" / "record.py"))
    found = [record.sources()]
    for folder in ("mia_core", "mia_core/report", "book/mia_book"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "new.py").write_text("x = 1")
        found.append(record.sources())
    assert len(set(found)) == 4

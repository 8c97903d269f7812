"""A chapter is run again when anything that shapes it has changed, and only then."""

import json
import os

import pytest

from books import code, one_chapter, unrendered, write_chapter
from mia_core.report import build_report, record, reuse
from mia_core.studies.recorded import REPORT_ARRAYS

pytest.importorskip("jupyter_book")
pytest.importorskip("papermill")


@pytest.fixture(autouse=True)
def only_chapters(own_cache):
    with unrendered():
        yield


def reused(out):
    return "reused" in json.loads((out / "report.json").read_text())["chapters"]["broken"]


def test_unchanged_chapter_is_not_run_again(tmp_path, own_cache, monkeypatch):
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

    for spoilt in (lambda content: content[:100], lambda content: content.replace(b"completed", b"Completed")):
        for file in (own_cache / "chapters" / "broken").glob("*.ipynb"):
            file.write_bytes(spoilt(file.read_bytes()))
        assert builds() == ["1"], "a file that is damaged or altered counts as missing"

    monkeypatch.setattr("mia_core.report.record.versions", lambda: {"mia_core": "one function changed"})
    assert builds() == ["1"]
    cells = [code("epochs = 1", "parameters"), code(f"open({str(runs)!r}, 'a').write('new')")]
    write_chapter(source / "book" / "broken.ipynb", cells)
    assert builds() == ["new"]


@pytest.fixture
def key(tmp_path, monkeypatch):
    """The fingerprint of a small chapter, with no recorded results and no arrays of the report but the test's own."""
    write_chapter(tmp_path / "a.ipynb", [code("epochs = 1", "parameters"), code("epochs")])
    (tmp_path / "results").mkdir()
    monkeypatch.setenv("MIA_RESULTS", str(tmp_path / "results"))
    monkeypatch.delenv("MIA_SHARED", raising=False)

    def found(given: dict | None = None, **changes: object) -> str | None:
        record = {"settings": {}, "data": {"fingerprint": "one"}, "versions": {"mia_core": "1"}}
        reuse.surroundings.cache_clear()
        return reuse.fingerprint(tmp_path / "a.ipynb", given or {}, record | changes)

    yield found
    reuse.surroundings.cache_clear()


def test_everything_that_shapes_a_chapter_is_in_its_fingerprint(tmp_path, key, monkeypatch):
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
def test_what_chapters_read_shapes_them_by_name_and_content(tmp_path, key, name):
    found = [key()]
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    for content in ("a", "b"):
        file.write_text(content)
        found.append(key())
    file.rename(file.with_stem("other"))
    found.append(key())
    assert len(set(found)) == len(found)
    file.with_stem("other").unlink()
    assert key() == found[0]


@pytest.mark.parametrize("changed", REPORT_ARRAYS.values())
def test_the_reports_own_arrays_shape_a_chapter_by_their_content(tmp_path, key, monkeypatch, changed):
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


def test_only_the_latest_runs_of_a_chapter_are_kept_and_none_where_the_cache_cannot_be_written(tmp_path, own_cache):
    chapter = tmp_path / "a.ipynb"
    write_chapter(chapter, ["# A"])
    (own_cache / "chapters").write_text("in the way")
    assert "not kept for the next report: " in reuse.keep("a", "0" * 24, chapter)
    (own_cache / "chapters").unlink()
    for number in range(reuse.KEPT + 3):
        reuse.keep("a", f"{number:024}", chapter)
        (kept,) = (own_cache / "chapters" / "a").glob(f"{number:024}-*.ipynb")
        os.utime(kept, (number, number))
    names = sorted(path.stem.partition("-")[0] for path in (own_cache / "chapters" / "a").iterdir())
    assert len(names) == reuse.KEPT and names[-1] == f"{reuse.KEPT + 2:024}"


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no owners of folders on this system")
def test_what_others_can_change_is_not_shown(tmp_path, own_cache, monkeypatch):
    chapter = tmp_path / "a.ipynb"
    write_chapter(chapter, ["# A"])

    def kept() -> int:
        reuse.keep("a", "0" * 24, chapter)
        return len(list(own_cache.rglob("*.ipynb")))

    assert kept() == 1 and (own_cache / "chapters").stat().st_mode & 0o777 == 0o700
    (own_cache / "chapters" / "a" / "planted.ipynb").write_text("{}")
    assert kept() == 2
    (own_cache / "chapters").chmod(0o775)
    assert kept() == 1, "what a group could write is thrown away"
    # As another user: this one cannot give folders away.
    monkeypatch.setattr("os.getuid", lambda: 4321)
    (own_cache / "chapters-4321").symlink_to(tmp_path)
    assert "belongs to another user" in reuse.keep("a", "0" * 24, chapter) and kept() == 1
    assert reuse.find("a", "0" * 24) is None


def test_chapter_that_is_edited_while_it_runs_is_run_again(tmp_path):
    source, out = one_chapter(tmp_path), tmp_path / "out"
    chapter = source / "book" / "broken.ipynb"
    # As another editor would change it, so does its own code.
    edit = f"p = {str(chapter)!r}; text = open(p).read(); open(p, 'w').write(text.replace('old text', 'new text'))"
    write_chapter(chapter, [code("epochs = 1", "parameters"), "Some old text.", code(edit)])
    build_report({}, out, source=source)
    assert "new text" in chapter.read_text(encoding="utf-8")
    build_report({}, out, source=source)
    assert not reused(out)


def test_chapter_is_not_kept_where_the_code_has_changed_meanwhile(tmp_path, monkeypatch, capsys):
    source, found = one_chapter(tmp_path, "1"), iter(["before", "after", "after", "after"])
    monkeypatch.setattr("mia_core.report.build.sources", lambda: next(found))
    build_report({}, tmp_path / "out", source=source)
    assert "not kept for the next report, as the package's code has changed meanwhile" in capsys.readouterr().err
    build_report({}, tmp_path / "out", source=source)
    assert not reused(tmp_path / "out")


def test_the_code_of_the_package_and_of_the_chapters_helpers_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "__file__", str(tmp_path / "mia_core" / "report" / "record.py"))
    found = [record.sources()]
    for folder in ("mia_core", "mia_core/report", "book/mia_book"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "new.py").write_text("x = 1")
        found.append(record.sources())
    assert len(set(found)) == 4

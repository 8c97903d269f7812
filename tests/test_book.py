"""The builder of the report, on small books made here: what works, and every way in which a chapter can fail."""

import json
import os
import re
import sys
from pathlib import Path

import nbformat
import pytest
from books import CHAPTER, MORE, ROOT, TEXT, code, write_book, write_chapter

from mia_core.book import BookError, build_report, reuse
from mia_core.book.parameters import check_parameters, known_parameters, make_absolute
from mia_core.book.sources import Book, open_book
from mia_core.book.stored import store_outputs
from mia_core.cli import main
from mia_core.errors import SettingsError

pytest.importorskip("jupyter_book")
pytest.importorskip("papermill")

KNOWN = {"dataset": "digits", "seeds": 2, "epochs": 50, "learning_rate": 0.001, "shares": [0.1], "title": "x"}
TABLE = """\
import pandas as pd

from mia_core.figures import show

show(pd.DataFrame({"a": [1]}), caption="First.", name="first")
show(pd.DataFrame({"a": [2]}), caption="Another of this name.", name="all")
"""
WHO = "import sys\nfrom pathlib import Path\nprint(sys.executable)\nprint(Path.cwd())\nprint(epochs, share)"


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that a test trains or runs is kept in the user's cache."""
    monkeypatch.setenv("MIA_CACHE", str(tmp_path / "store"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A whole book, built from another folder into a relative path with spaces.

    Its chapters name a kernel that exists nowhere, and the user has a kernel called python3 that cannot start.
    """
    top = tmp_path_factory.mktemp("built")
    chapters = {
        "first": [TEXT, code("epochs = 50\nshare = 0.5", "parameters"), code(CHAPTER), code(MORE)],
        "second": [
            "# Another\n\nSee [](#fig-both) and [](#tab-all).",
            code(TABLE),
            code("epochs = 50\nshare = 0.5", "parameters"),
            code(WHO),
        ],
    }
    source = write_book(top / "the source", chapters, kernel="conda-env-x-py")
    stray = top / "jupyter" / "kernels" / "python3"
    stray.mkdir(parents=True)
    (stray / "kernel.json").write_text('{"argv": ["/bin/false"], "display_name": "stray", "language": "python"}')
    elsewhere = top / "elsewhere"
    elsewhere.mkdir()
    before = sorted(source.rglob("*"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(elsewhere)
        patch.setenv("JUPYTER_PATH", str(top / "jupyter"))
        patch.setenv("MIA_CACHE", "a relative store")
        out = build_report({"epochs": "1e1"}, "some where/r 1", source=source)
    assert sorted(source.rglob("*")) == before, "nothing may be written into the sources"
    assert sorted(path.name for path in elsewhere.iterdir()) == ["a relative store", "some where"]
    assert [path.name for path in (elsewhere / "some where").iterdir()] == ["r 1"]
    return {"out": out, "source": source, "elsewhere": elsewhere}


def page(out: Path, name: str) -> str:
    return (out / "book" / f"{name}.html").read_text(encoding="utf-8")


def test_report_lies_where_it_was_asked_for(built: dict[str, Path]) -> None:
    assert built["out"] == built["elsewhere"] / "some where" / "r 1"
    assert "book/index.html" in (built["out"] / "index.html").read_text()


def test_chapters_run_with_this_interpreter_in_their_own_folder_with_typed_parameters(built: dict[str, Path]) -> None:
    text = page(built["out"], "second")
    assert sys.executable in text
    assert str(built["source"] / "book") in text
    assert "10 0.5" in text


def test_every_code_cell_of_the_offered_notebooks_has_run(built: dict[str, Path]) -> None:
    files = sorted((built["out"] / "_sources" / "book").glob("*.ipynb"))
    assert [file.stem for file in files] == ["first", "second"]
    for file in files:
        cells = [cell for cell in nbformat.read(file, as_version=4).cells if cell.cell_type == "code"]
        assert all(cell.execution_count for cell in cells)


def test_page_numbers_its_figures_links_to_them_and_shows_no_numpy(built: dict[str, Path]) -> None:
    text = page(built["out"], "first")
    assert "Figure 1.</span> Members and non-members." in text
    assert "Figure 2.</span> A sweep." in text
    assert "Table 1.</span> All." in text
    assert re.search(r'href="#fig-both"[^>]*>Figure 1</a>', text)
    second = page(built["out"], "second")
    assert re.search(r'href="first.html#fig-both"[^>]*><span[^>]*>Figure 1</span>', second)
    assert re.search(r'href="#tab-all"[^>]*>Table 2</a>', second), "a name counts for its own page first"
    assert "0.837" in text and "0.8371" not in re.sub(r"<pre.*?</pre>", "", text, flags=re.DOTALL)
    assert "np.float64(0.837)" not in text


def test_page_says_what_made_it(built: dict[str, Path]) -> None:
    text = page(built["out"], "second")
    line = re.sub(r"<[^>]+>", " ", text[text.index('class="mia-provenance"') :])
    for part in ("epochs = 10", "share = 0.5", "python 3.", "torch", "UTC"):
        assert part in line
    table = re.sub(r"<[^>]+>", " ", page(built["out"], "index"))
    assert "A chapter" in table and "Another" in table and "UTC" in table


def test_settings_are_shown_once(built: dict[str, Path]) -> None:
    text = re.sub(r"<[^>]+>", "", page(built["out"], "second"))
    assert text.count("share = 0.5") == 2  # the cell, and the line under the page
    assert "epochs = 50" not in text


def test_report_keeps_its_settings_and_no_path_of_this_machine(built: dict[str, Path]) -> None:
    record = json.loads((built["out"] / "report.json").read_text())
    assert record["parameters"] == {"epochs": 10}
    assert list(record["chapters"]) == ["first", "second"]
    assert str(built["elsewhere"]) not in (built["out"] / "report.json").read_text()


def test_pages_name_no_other_host(built: dict[str, Path]) -> None:
    for file in built["out"].rglob("*.html"):
        found = re.findall(r'<(?:script|link|img|iframe)[^>]*(?:src|href)="(?:https?:)?//[^"]*"', file.read_text())
        assert not found, file.name


def one_chapter(tmp_path: Path, *cells: str) -> Path:
    parts = ["# A chapter", code("epochs = 1", "parameters"), *map(code, cells)]
    return write_book(tmp_path / "source", {"broken": parts})


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
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source", "store"]


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


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"epoch": 2},
            "epoch: unknown; did you mean epochs? Known: dataset, seeds, epochs, learning_rate, shares, title",
        ),
        ({"EPOCHS": 2}, "EPOCHS: unknown; did you mean epochs?"),
        ({"precision": "float32"}, "precision: unknown; Known: dataset"),
        ({"epochs": "many"}, "epochs: expected a number, found 'many'"),
        ({"epochs": 0}, "epochs: "),
        ({"learning_rate": "fast"}, "learning_rate: "),
        ({"seeds": 2000}, "seeds: expected 1 to 1000 seeds"),
        ({"shares": 0.5}, "shares: "),
        ({"title": 5}, "title: "),
        ({"dataset": "digit"}, "dataset: unknown"),
    ],
)
def test_parameters_are_checked(given: dict, words: str) -> None:
    with pytest.raises(SettingsError) as failure:
        check_parameters(given, KNOWN)
    assert words in str(failure.value) and "\n" not in str(failure.value)


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("learning_rate", "1e-3", 0.001),
        ("learning_rate", "1E-3", 0.001),
        ("epochs", "1e1", 10),
        ("epochs", 10.0, 10),
        ("seeds", 2, 2),
        ("seeds", "2", [0, 1]),
        ("seeds", [3, 5], [3, 5]),
        ("shares", ["1e-1", 2], [0.1, 2.0]),
    ],
)
def test_parameters_become_plain_values(name: str, given: object, value: object) -> None:
    found = check_parameters({name: given}, KNOWN)[name]
    assert found == value and type(found) is type(value)


def test_unknown_parameter_is_refused_before_anything_runs(tmp_path: Path) -> None:
    source = one_chapter(tmp_path, f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(SettingsError, match="epoch: unknown; did you mean epochs"):
        build_report({"epoch": 1}, tmp_path / "out", source=source)
    assert not (tmp_path / "ran").exists() and not (tmp_path / "out").exists()


def test_folder_of_data_counts_from_where_the_command_is_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert make_absolute({"dataset": "folder:pictures"}) == {"dataset": f"folder:{tmp_path / 'pictures'}"}
    assert make_absolute({"dataset": "folder:~/p"}) == {"dataset": f"folder:{tmp_path / 'home' / 'p'}"}
    assert make_absolute({"dataset": "digits", "epochs": 1}) == {"dataset": "digits", "epochs": 1}


def test_parameters_cell_holds_plain_values_only(tmp_path: Path) -> None:
    chapter = tmp_path / "a.ipynb"
    write_chapter(chapter, [code("a = 1\nb: float = 0.5\nc = [1, -2]", "parameters")])
    assert known_parameters(chapter) == {"a": 1, "b": 0.5, "c": [1, -2]}
    for source in ("a = range(3)", "import os", "a, b = 1, 2", "a = "):
        write_chapter(chapter, [code(source, "parameters")])
        with pytest.raises(BookError, match="parameters cell"):
            known_parameters(chapter)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-p", "epoch=2"], "epoch: unknown; did you mean epochs? Known: "),
        (["-p", "learning_rate=fast"], "learning_rate: expected a number, found 'fast'"),
        (["--chapter", "combination"], "chapter: combination: unknown; did you mean combinations? Known: "),
        (["--params", "no such file.yml"], "no such file.yml: cannot be read"),
    ],
)
def test_command_refuses_in_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture) -> None:
    assert main(["report", *words]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1
    assert said.err.startswith(f"mia: error: {message}")


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


def test_one_chapter_can_be_built_alone(tmp_path: Path) -> None:
    chapters = {"one": ["# One\n\n[](#fig-gone), {doc}`two`", code("1 + 1")], "two": ["# Two", code("1/0")]}
    out = build_report({}, tmp_path / "out", chapters=["one"], source=write_book(tmp_path / "source", chapters))
    assert "One" in page(out, "one") and not (out / "book" / "two.html").exists()


def test_home_folder_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mia_core.book.build import check_out

    monkeypatch.setenv("HOME", str(tmp_path))
    assert check_out("~/my report") == tmp_path / "my report"


def test_stored_outputs_hold_nothing_of_the_run_but_its_results(tmp_path: Path) -> None:
    chapters = {"chapter": ["# A chapter", code("epochs = 1", "parameters"), code("epochs + 1")]}
    source = write_book(tmp_path / "source", chapters, kernel="conda-env-x-py")
    (file,) = store_outputs(source=source)
    text = file.read_text()
    notebook = nbformat.reads(text, as_version=4)
    assert [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"] == [1, 2]
    assert notebook.cells[-1].outputs[0].data["text/plain"] == "2"
    assert notebook.metadata.kernelspec.name == "python3"
    assert "papermill" not in text and str(tmp_path) not in text and "iopub" not in text
    store_outputs(source=source)
    assert file.read_text() == text


def test_the_books_own_table_of_contents_is_complete() -> None:
    book = open_book()
    assert book.root == ROOT
    files = {path.relative_to(ROOT).with_suffix("").as_posix() for path in (ROOT / "book").rglob("*.ipynb")}
    files |= {f"book/{path.stem}" for path in (ROOT / "book").glob("*.md")}
    files = {name for name in files if not any(part.startswith((".", "_")) for part in Path(name).parts)}
    assert set(book.pages) == files
    assert os.path.commonpath([ROOT, *book.chapters.values()]) == str(ROOT)


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
def test_unchanged_chapter_is_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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

    for file in (tmp_path / "store" / "chapters" / "broken").glob("*.ipynb"):
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


def test_only_the_latest_runs_of_a_chapter_are_kept(tmp_path: Path) -> None:
    chapter = tmp_path / "a.ipynb"
    write_chapter(chapter, ["# A"])
    for number in range(reuse.KEPT + 3):
        reuse.keep("a", f"{number:024}", chapter)
        os.utime(tmp_path / "store" / "chapters" / "a" / f"{number:024}.ipynb", (number, number))
    names = sorted(path.stem for path in (tmp_path / "store" / "chapters" / "a").iterdir())
    assert len(names) == reuse.KEPT and names[-1] == f"{reuse.KEPT + 2:024}"

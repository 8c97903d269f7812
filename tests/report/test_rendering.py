"""A page is rendered again only if something that shapes it has changed, and the site is that of a new rendering."""

import json
import os
import re
import shutil
import subprocess
from itertools import count
from pathlib import Path

import nbformat
import pytest
import yaml

from books import code, write_book
from mia_core.report.jupyter_book import start
from mia_core.report.rendering import Renderer, _key, render, renderer
from mia_core.report.sources import Book, BookError, copy_book, open_book

pytest.importorskip("jupyter_book")
pytestmark = pytest.mark.usefixtures("own_cache")

FIGURE = '<figure class="mia-figure mia-fig" id="fig-{0}"><svg></svg><figcaption>{0}</figcaption></figure>'
CELL = "from mia_core.display.figures import show\n\nshow"
# What differs between any two renderings: names drawn by lot, and what tells browsers that a file has changed.
DRAWN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\?v=[0-9a-f]{8}")


@pytest.fixture
def book(tmp_path: Path) -> Book:
    """Two chapters, the second of which speaks of a figure of the first, and a page of the package's functions."""
    first = ["# First", code(CELL), "A footnote on {term}`posterior`.", code("1")]
    root = write_book(tmp_path / "source", {"first": first, "second": ["# Second", "See [](#fig-last).", code(CELL)]})
    (root / "book" / "api.md").write_text(
        "# API\n\n```{eval-rst}\n.. autofunction:: mia_core.display.figures.show\n```\n", encoding="utf-8"
    )
    toc = yaml.safe_load((root / "_toc.yml").read_text())
    toc["chapters"].append({"file": "book/api"})
    (root / "_toc.yml").write_text(yaml.safe_dump(toc))
    shown(root / "book" / "first.ipynb", "last")
    return open_book(root)


def shown(notebook: Path, *figures: str, text: str = "") -> None:
    """Give the notebook's first code cell this text and these figures as output."""
    content = nbformat.read(notebook, as_version=4)
    outputs = [nbformat.v4.new_output("display_data", {"text/html": FIGURE.format(name)}) for name in figures]
    outputs += [nbformat.v4.new_output("stream", text=text)] if text else []
    next(cell for cell in content.cells if cell.cell_type == "code").outputs = outputs
    nbformat.write(content, notebook)


def copied(book: Book, folder: Path, *figures: str, text: str = "") -> Book:
    """A copy of the book as if its first chapter had been run and had shown this."""
    copy = copy_book(book, folder, list(book.chapters))
    shown(copy.chapters["first"], *figures, text=text)
    return copy


def content(site: Path) -> dict[str, str]:
    files = {DRAWN.sub("", file.relative_to(site).as_posix()): file for file in site.rglob("*") if file.is_file()}
    texts = {name: file for name, file in files.items() if file.suffix in (".html", ".js", ".ipynb", ".md")}
    return {name: said(name, DRAWN.sub("", file.read_text(encoding="utf-8"))) for name, file in texts.items()}


def said(name: str, text: str) -> str:
    """The text, with the entries of what is looked up by name in order."""
    if name == "searchindex.js":
        index = json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))
        index["terms"] = {word: pages for word, pages in index["terms"].items() if pages != []}
        return json.dumps(index, sort_keys=True)
    return "".join(sorted(text)) if "/tippy/" in name else text


def test_site_with_new_outputs_is_that_of_a_new_rendering(book: Book, tmp_path: Path) -> None:
    names = list(book.chapters)
    with renderer(tmp_path / "spare") as pages:
        copy = copy_book(book, tmp_path / "as stored", names)
        pages.read_ahead(copy)
        site = pages.render(copy)
        assert pages._reading.returncode == 0, "what was read ahead is used"
        read_ahead, untouched = content(site), (site / "book/api.html").stat().st_mtime_ns
    assert "Figure 1</" in read_ahead["book/second.html"]
    assert "sphinx-codeautolink-a" in read_ahead["book/second.html"] and "second.html" in read_ahead["book/api.html"]
    assert not (tmp_path / "spare").exists()

    for text in ("some words", "other words"):
        with renderer(tmp_path / "spare") as pages:
            copy = copied(book, tmp_path / text, "before", "last", text=text)
            pages.read_ahead(copy)
            site = pages.render(copy)
            again, before, untouched = content(site), untouched, (site / "book/api.html").stat().st_mtime_ns
        assert text in again["book/first.html"]
        assert "Figure 2</" in again["book/second.html"], "a page says the new number of another's figure"
    assert before == untouched, "no number has changed the second time"
    assert again == content(render(copy))


def built(book: Book, folder: Path, **outputs: str) -> Path:
    """The site of the book as if its first chapter had shown this, rendered in the cache."""
    copy = copied(book, folder, "last", **outputs)
    with renderer(folder / "spare") as pages:
        pages.read_ahead(copy)
        return pages.render(copy)


def test_site_of_which_nothing_has_changed_stays_as_it_was(book: Book, tmp_path: Path) -> None:
    before = content(built(book, tmp_path / "one"))
    for number in range(2):
        assert content(built(book, tmp_path / f"again {number}")) == before


def test_page_that_was_damaged_is_written_again(book: Book, tmp_path: Path) -> None:
    site = built(book, tmp_path / "one")
    before = content(site)
    (site / "book" / "second.html").write_text("")
    assert content(built(book, tmp_path / "two")) == before


def test_new_outputs_count_whatever_the_clock_says(
    book: Book, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built(book, tmp_path / "one")
    copyfile = shutil.copyfile

    def with_an_old_date(source: Path, to: Path) -> None:
        copyfile(source, to)
        os.utime(to, (1, 1))

    monkeypatch.setattr(shutil, "copyfile", with_an_old_date)
    assert "some words" in (built(book, tmp_path / "two", text="some words") / "book" / "first.html").read_text()


def test_what_the_renderer_complains_of_it_complains_of_each_time(book: Book, tmp_path: Path) -> None:
    broken = copied(book, tmp_path / "broken")
    for _ in range(2):
        with renderer(tmp_path / "spare") as pages, pytest.raises(BookError, match="fig-last"):
            pages.read_ahead(broken)
            pages.render(broken)


def test_new_text_begins_anew(book: Book, tmp_path: Path, own_cache: Path) -> None:
    names = list(book.chapters)
    place, number = own_cache / "rendering", count()

    def key() -> str:
        return _key(copy_book(book, tmp_path / f"copy {next(number)}", names))

    old = key()
    shown(book.chapters["first"], "other", "last")
    assert key() == old, "outputs are compared file by file"
    (book.root / "book" / "index.md").write_text("# Another front page\n", encoding="utf-8")
    assert key() != old

    place.mkdir(exist_ok=True)
    (place / "whole").write_text(old)
    (place / "leftover").write_text("")
    with renderer(tmp_path / "spare") as pages:
        pages.read_ahead(copy_book(book, tmp_path / "copy", names))
        assert not (place / "leftover").exists() and not (place / "whole").exists()


def test_two_builds_at_a_time_use_two_folders(book: Book, tmp_path: Path, own_cache: Path) -> None:
    with renderer(tmp_path / "one") as first, renderer(tmp_path / "two") as second:
        assert (first._place, second._place) == (own_cache / "rendering", tmp_path / "two")


def test_closing_ends_what_is_underway(tmp_path: Path) -> None:
    made = Renderer(tmp_path / "place")
    source = write_book(tmp_path / "source", {"chapter": ["# A chapter"]})
    made.read_ahead(open_book(source))
    made.close()
    assert made._reading.returncode is not None


def test_jupyter_book_ends_with_whoever_started_it(tmp_path: Path) -> None:
    source = write_book(tmp_path / "source", {"chapter": ["# A chapter"]})
    process = start(source, subprocess.DEVNULL)
    process.stdin.close()
    assert process.wait(60) == 1
    assert not (source / "_build" / "html" / "book" / "chapter.html").exists()

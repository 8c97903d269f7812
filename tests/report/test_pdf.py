"""The report as one PDF: all pages in one with links that lead somewhere, and clear words where no browser is found."""

import contextlib
import os
import re
import shutil
import signal
import stat
import zlib
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from attack_commands import refused
from books import CHAPTER, MORE, TEXT, code, write_book
from mia_core.base.errors import MiaError
from mia_core.report import build_report
from mia_core.report.pdf import NAMES, combine, find_chromium, print_pdf, printed_pages
from mia_core.report.sources import BookError, open_book

SITE_PAGE = """<html><head><title>Page &lt;{name}&gt;</title><link rel="stylesheet" href="../_static/book.css">{head}
</head><body><article class="bd-article"><section id="top"><h1>{name}<a class="headerlink" href="#top">#</a></h1>
{body}</section></article></body></html>"""
BODY = """<p><a href="#top">own</a> <a href="two.html">page</a> <a href="two.html#top">part</a>
<a href="../genindex.html">index</a> <a href="https://example.org/x#y">out</a></p>
<details class="sd-sd-dropdown"><summary>Yes</summary>Then look.</details>
<details class="hide above-input"><summary>Show</summary>code()</details>
<figure><div class="mia-frame" data-value="0.1"><svg><clipPath id="c"/><g clip-path="url(#c)"/></svg></div>
<div class="mia-frame" data-value="0.2" hidden><svg/></div><label class="mia-slider"><input aria-label="ε"></label>
<script>alert(1)</script></figure>"""
MATHJAX = '<script>window.MathJax = {}</script><script src="../_static/mathjax/tex-svg-full.js"></script>'
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "site"
    (folder / "book").mkdir(parents=True)
    for name, head in (("one", ""), ("two", MATHJAX)):
        text = SITE_PAGE.format(name=name, head=head, body=BODY)
        (folder / "book" / f"{name}.html").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def browser(tmp_path, monkeypatch):
    """A program that does as a browser does that prints, and writes down what it was asked."""
    return fake_browser(tmp_path, 'printf "%s\\n" "$@" > {folder}/asked; printf "%%PDF-1.4" > "$out"', monkeypatch)


def fake_browser(folder: Path, does: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = folder / "browser"
    find = 'for word in "$@"; do case "$word" in --print-to-pdf=*) out="${{word#*=}}";; esac; done\n'
    path.write_text("#!/bin/sh\n" + (find + does + "\n").format(folder=folder))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("CHROMIUM", str(path))
    return path


def test_pages_become_one_in_their_order(site):
    page = BeautifulSoup(combine(site, ["book/two", "book/one"]), "html.parser")
    assert [section["id"] for section in page.select("section.mia-page")] == ["book-two", "book-one"]
    assert page.title.get_text() == "Page <two>"
    ids = [tag["id"] for tag in page.find_all(id=True)]
    assert len(ids) == len(set(ids))
    assert [link["href"] for link in page.find_all("link")] == ["../_static/book.css", "../_static/print.css"]
    assert len(page.find_all("script")) == 2, "MathJax, once"


def test_links_stay_within_the_page(site):
    page = BeautifulSoup(combine(site, ["book/one", "book/two"]), "html.parser")
    first = page.select_one("#book-one")
    inside = {"own": "#book-one--top", "page": "#book-two", "part": "#book-two--top"}
    links = {link.get_text(): link.get("href") for link in first.select("a")}
    assert links == inside | {"index": None, "out": "https://example.org/x#y"}
    assert all(page.find(id=link["href"][1:]) for link in page.select("a[href^='#']"))
    assert first.select_one("g")["clip-path"] == "url(#book-one--c)" and page.find(id="book-one--c")
    # Nothing is folded away or behind a slider.
    (answer,) = first.find_all("details")
    assert answer.has_attr("open") and "Yes" in answer.get_text()
    frames = first.select(".mia-frame")
    assert [frame.select_one("p").get_text() for frame in frames] == ["ε = 0.1", "ε = 0.2"]
    assert not any(frame.has_attr("hidden") for frame in frames)
    assert not page.select(".mia-slider, .headerlink, article script")


def test_site_is_left_as_it_was_whether_the_pdf_can_be_written_or_not(site, browser, tmp_path):
    before = sorted(site.rglob("*"))
    out = print_pdf(site, ["book/one"], tmp_path / "new" / "x.pdf", str(browser))
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked[-1].startswith("file://") and asked[-1].endswith("/site/book/print.html") and "--headless" in asked
    with pytest.raises(MiaError, match="cannot be written"):
        print_pdf(site, ["book/one"], out / "x.pdf", str(browser))
    assert out.read_bytes() == b"%PDF-1.4" and sorted(site.rglob("*")) == before


@pytest.mark.parametrize(("does", "words"), [
    ("echo cannot open display >&2; exit 3", r"exit status 3\): cannot open display"),
    ("exit 0", r"exit status 0\): it said nothing"), ('echo "<html>" > "$out"', "did not print the report"),
    ("exec sleep 60", "did not print the report within 1 s"),
])  # fmt: skip
def test_browser_that_fails_is_one_clear_error(site, tmp_path, monkeypatch, does, words):
    program = fake_browser(tmp_path, does, monkeypatch)
    monkeypatch.setattr("mia_core.report.pdf.LIMIT", 1 if "sleep" in does else 60)
    before = sorted(site.rglob("*"))
    with pytest.raises(BookError, match=words) as failure:
        print_pdf(site, ["book/one"], tmp_path / "x.pdf", str(program))
    assert "\n" not in str(failure.value)
    assert not (tmp_path / "x.pdf").exists() and sorted(site.rglob("*")) == before


def test_end_that_is_asked_for_leaves_nothing_behind(site, tmp_path, monkeypatch):
    does = "echo $$ > {folder}/number; sleep 0.3; kill -TERM $PPID; exec sleep 60"
    program = fake_browser(tmp_path, does, monkeypatch)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    before = sorted(site.rglob("*"))
    with pytest.raises(SystemExit) as ended:
        print_pdf(site, ["book/one"], tmp_path / "x.pdf", str(program))
    assert ended.value.code == 128 + signal.SIGTERM
    assert sorted(site.rglob("*")) == before and not list((tmp_path / "temporary").iterdir())
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "number").read_text()), 0)


def test_missing_browser_or_bad_name_is_told_before_any_chapter_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("mia_core.report.pdf.MACOS", str(tmp_path / "none"))
    monkeypatch.setattr("mia_core.report.build_report", pytest.fail)
    words = ["report", "--out", tmp_path / "site", "--pdf", tmp_path / "x.pdf"]
    said = refused(capsys, *words)
    assert "apt-get install chromium" in said and "CHROMIUM" in said
    monkeypatch.setenv("CHROMIUM", "no-such-browser")
    assert "CHROMIUM: no-such-browser is no program" in refused(capsys, *words)
    for name, said in (("x.html", "ends in .pdf, found x.html"), ("", "is a folder")):
        assert said in refused(capsys, "report", "--pdf", tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_browser_is_found_on_path_or_by_the_variable(tmp_path, browser, monkeypatch):
    assert find_chromium() == str(browser)
    monkeypatch.delenv("CHROMIUM")
    monkeypatch.setenv("PATH", str(tmp_path))
    browser.rename(tmp_path / "google-chrome")
    assert find_chromium() == str(tmp_path / "google-chrome")


def test_all_pages_are_printed_but_the_api(tmp_path):
    pages = open_book().pages
    for page in pages[:-1]:
        (tmp_path / page).parent.mkdir(exist_ok=True)
        (tmp_path / f"{page}.html").touch()
    assert printed_pages(tmp_path, pages) == [page for page in pages[:-1] if not page.startswith("book/api")]


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium, or name one in CHROMIUM")
def test_real_book_is_printed(tmp_path, monkeypatch):
    pytest.importorskip("jupyter_book")
    pytest.importorskip("papermill")
    monkeypatch.setenv("MIA_CACHE", str(tmp_path / "store"))
    source = write_book(tmp_path / "source", {"chapter": [TEXT, code(CHAPTER), code(MORE)]})
    site = build_report({}, tmp_path / "site", source=source)
    pages = ["book/index", "book/chapter", "book/bibliography"]
    content = print_pdf(site, pages, tmp_path / "x.pdf", find_chromium()).read_bytes()
    assert content.startswith(b"%PDF-") and b"%%EOF" in content[-32:]
    assert len(re.findall(rb"/Type\s*/Page\b", content)) >= len(pages)
    assert b"/Outlines" in content, "headings are bookmarks"
    for packed in re.findall(rb"stream\r?\n(.*?)endstream", content, re.DOTALL):
        with contextlib.suppress(zlib.error):
            content += zlib.decompress(packed)
    assert not re.search(rb"file:|mia-print|" + re.escape(str(tmp_path).encode()), content), "no path is told"

"""The pages of the book as they are stored: every link leads somewhere, nothing comes from another host."""

import re
from collections import Counter
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

from books import ROOT

MOST_BYTES = 1_500_000


@pytest.fixture
def site(stored_site: Path) -> Path:
    return stored_site


@cache
def read(page: Path) -> BeautifulSoup:
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


@cache
def targets(page: Path) -> frozenset[str]:
    return frozenset(str(tag["id"]) for tag in read(page).find_all(id=True))


def pages(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


def test_links_resolve_or_lead_to_the_web(site: Path) -> None:
    broken = []
    for page in pages(site):
        for link in read(page).find_all("a", href=True):
            parts = urlsplit(str(link["href"]))
            if str(link["href"]).startswith("data:text/csv") and link.has_attr("download"):
                continue  # a table to be saved, in the page itself
            if parts.scheme or parts.netloc:
                if parts.scheme not in ("http", "https", "mailto") or not (parts.netloc or parts.path):
                    broken.append(f"{page.relative_to(site)}: {link['href']} is no address")
                continue
            file = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            if not file.is_file():
                broken.append(f"{page.relative_to(site)}: {link['href']}")
            elif parts.fragment and file.suffix == ".html" and unquote(parts.fragment) not in targets(file):
                broken.append(f"{page.relative_to(site)}: {link['href']} has no such target")
    assert not broken


def test_no_id_comes_twice_on_a_page_and_each_says_what_it_is_about(site: Path) -> None:
    faults, said = [], {}
    for page in (page for page in pages(site) if "_static" not in page.parts):
        ids = Counter(tag["id"] for tag in read(page).find_all(id=True))
        faults += [f"{page.name}: {count} times {name}" for name, count in ids.items() if count > 1]
        descriptions = [str(tag["content"]) for tag in read(page).select('meta[name="description"]')]
        if len(descriptions) != 1 or not 20 < len(descriptions[0]) <= 200:
            faults.append(f"{page.name}: described by {descriptions}")
        for text in descriptions:
            if page.name != said.setdefault(text, page.name):
                faults.append(f"{page.name}: described as {said[text]}")
    assert not faults


def test_nothing_is_loaded_from_another_host(site: Path) -> None:
    for page in pages(site):
        for tag in read(page).find_all(("script", "link", "img", "iframe", "source", "object")):
            for name in ("src", "href", "data"):
                value = str(tag.get(name, ""))
                foreign = urlsplit(value).netloc and tag.get("rel") != ["canonical"]
                assert not foreign, f"{page.relative_to(site)} loads {value}"


def test_no_page_tells_where_it_was_made(site: Path) -> None:
    told = re.compile("|".join(re.escape(str(path)) + r"(?!\w)" for path in (ROOT, Path.home(), site)))
    for file in (path for path in site.rglob("*") if path.is_file()):
        found = told.search(text := file.read_bytes().decode("utf-8", "replace"))
        assert not found, f"{file.relative_to(site)}: {text[found.start() - 60 : found.end() + 60]}"


def test_pages_are_small(site: Path) -> None:
    too_large = {page.name: page.stat().st_size for page in pages(site) if page.stat().st_size > MOST_BYTES}
    assert not too_large


def test_pictures_have_words_that_are_no_file_name_and_no_numpy_number_shows(site: Path) -> None:
    for page in pages(site):
        article = read(page).find("article") or read(page)
        for picture in article.select("img, svg[role=img]"):
            text = str(picture.get("alt" if picture.name == "img" else "aria-label", ""))
            assert text.strip() and not re.search(r"\.(png|svg|jpe?g)$", text), page.name
        assert not re.search(r"np\.(float|int|str|bool)\w*\(", read(page).get_text()), page.name


def test_front_page_is_reached_from_the_root(site: Path) -> None:
    root = read(site / "index.html")
    there = root.find("a")["href"]
    assert (site / there).is_file() and there in root.find("meta", attrs={"http-equiv": "refresh"})["content"]


def test_a_chapter_opens_with_answers_to_choose_from_and_its_first_figure(site: Path) -> None:
    opened = 0
    for page in pages(site):
        answers = read(page).select_one(".mia-answers")
        # One draws its figure from a model that the page trains in sight of the reader first.
        if answers is not None and page.name != "your-own-model.html":
            opened += 1
            figure, code = answers.find_next("figure", class_="mia-figure"), answers.find_next(class_="cell_input")
            assert 2 <= len(answers.find_all("details")) <= 4, page.name
            assert figure.sourceline < code.sourceline, f"{page.name}: code comes before the first figure"
            assert figure.find_parent(class_="mia-first-figure") and "Figure" in figure.figcaption.get_text(), page.name
    assert opened == 15

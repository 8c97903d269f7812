"""The pages of the book as they are stored: every link leads somewhere, nothing comes from another host."""

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

from books import stored_site

MOST_BYTES = 1_500_000


@pytest.fixture(scope="module")
def site() -> Path:
    return stored_site()


@cache
def read(page: Path) -> BeautifulSoup:
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


@cache
def targets(page: Path) -> frozenset[str]:
    return frozenset(str(tag["id"]) for tag in read(page).find_all(id=True))


def pages(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


def test_internal_links_resolve(site: Path) -> None:
    broken = []
    for page in pages(site):
        for link in read(page).find_all("a", href=True):
            parts = urlsplit(str(link["href"]))
            if parts.scheme or parts.netloc:
                continue
            file = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            if not file.is_file():
                broken.append(f"{page.relative_to(site)}: {link['href']}")
            elif parts.fragment and file.suffix == ".html" and unquote(parts.fragment) not in targets(file):
                broken.append(f"{page.relative_to(site)}: {link['href']} has no such target")
    assert not broken


def test_nothing_is_loaded_from_another_host(site: Path) -> None:
    for page in pages(site):
        for tag in read(page).find_all(("script", "link", "img", "iframe", "source", "object")):
            for name in ("src", "href", "data"):
                value = str(tag.get(name, ""))
                if tag.get("rel") == ["canonical"] or not urlsplit(value).netloc:
                    continue
                pytest.fail(f"{page.relative_to(site)} loads {value}")


def test_pages_are_small(site: Path) -> None:
    too_large = {page.name: page.stat().st_size for page in pages(site) if page.stat().st_size > MOST_BYTES}
    assert not too_large


def test_every_picture_has_words_that_are_no_file_name(site: Path) -> None:
    for page in pages(site):
        article = read(page).find("article") or read(page)
        words = [str(image.get("alt", "")) for image in article.find_all("img")]
        words += [str(svg.get("aria-label", "")) for svg in article.select("svg[role=img]")]
        for text in words:
            assert text.strip() and not re.search(r"\.(png|svg|jpe?g)$", text), page.name


def test_no_numpy_number_stands_on_a_page(site: Path) -> None:
    for page in pages(site):
        assert not re.search(r"np\.(float|int|str|bool)\w*\(", read(page).get_text()), page.name


def test_front_page_is_reached_from_the_root(site: Path) -> None:
    link = read(site / "index.html").find("a")
    assert link is not None and (site / str(link["href"])).is_file()


def test_a_chapter_opens_with_answers_to_choose_from_and_its_first_figure(site: Path) -> None:
    opened = 0
    for page in pages(site):
        answers = read(page).select_one(".mia-answers")
        if answers is None:
            continue
        opened += 1
        figure, code = answers.find_next("figure", class_="mia-figure"), answers.find_next(class_="cell_input")
        assert 2 <= len(answers.find_all("details")) <= 4, page.name
        assert figure.sourceline < code.sourceline, f"{page.name}: code comes before the first figure"
        assert figure.find_parent(class_="mia-first-figure") and "Figure 1." in figure.get_text(), page.name
    assert opened == 13

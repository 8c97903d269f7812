"""Front page and back matter agree with what they speak of."""

import re
import tomllib
from pathlib import Path

import yaml

from mia_core.attacks import ATTACKS
from mia_core.references import REFERENCE_ATTACKS
from mia_core.report.sources import chapter_name, open_book

ROOT = Path(__file__).resolve().parents[2]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
BIBLIOGRAPHY = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")


def page(name: str) -> str:
    return (ROOT / "book" / f"{name}.md").read_text(encoding="utf-8")


def test_changelog_begins_with_this_version() -> None:
    assert re.search(r"^## (\S+)", page("changelog"), re.MULTILINE)[1] == VERSION


def test_citations_are_those_of_the_citation_file() -> None:
    citation, text = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8")), page("how-to-cite")
    assert f"version = {{{VERSION}}}" in text
    one_line = re.sub(r"[{}\\]", "", " ".join(text.split()))
    for title in (citation["title"], *(reference["title"] for reference in citation["references"])):
        assert title in one_line
    for key in re.findall(r"^@\w+\{(\w+),", text, re.MULTILINE)[1:]:
        assert f"{{{key}," in BIBLIOGRAPHY
    own = text.partition("@software")[2].partition("@")[0]
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    year = citation["preferred-citation"]["year"]
    assert f"year    = {{{year}}}" in own and config["copyright"] == str(year)
    assert citation["preferred-citation"]["title"] == citation["title"]


def test_every_attack_has_its_source_in_the_bibliography() -> None:
    known = {re.sub(r"[\\{}\"]", "", line) for line in re.findall(r"author += \{(\S+),", BIBLIOGRAPHY)}
    for record in (*ATTACKS.values(), *REFERENCE_ATTACKS.values()):
        source = record.source
        assert source == "this book" or source.split()[0].replace("ä", "a") in known, source


def test_front_page_names_every_page_once_and_the_api_its_own() -> None:
    book = open_book()
    order = [chapter_name(name) for name in book.pages]
    linked = re.findall(r"\[\]\(([\w-]+)\.(?:ipynb|md)\)", page("index").partition("## The chapters")[2])
    subjects = re.findall(r"\]\((api-[\w-]+)\.md\)", page("api"))
    assert linked == sorted(linked, key=order.index)
    assert subjects == sorted(subjects, key=order.index)
    assert set(linked) | set(subjects) == set(order[1:])
    assert not set(linked) & set(subjects)

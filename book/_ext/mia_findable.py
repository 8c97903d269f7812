"""Sphinx extension: how a page is found. Each says in one line what it is about, and chapters come before the API."""

import html
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

SCORER = "book/_static/scorer.js"
ROOM = 200
"""Characters of a description that a list of search results has room for."""


def describe(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Give a page its description: the question of a chapter, the first sentences of any other page."""
    about = first_sentences(doctree) if doctree is not None else ""
    title = html.unescape(re.sub(r"<[^>]*>", "", context.get("title", ""))) or page
    about = about or f"{title}: {app.config.html_title}"
    context["metatags"] = f'{context.get("metatags", "")}<meta name="description" content="{html.escape(about)}">\n'


def first_sentences(doctree: nodes.document, room: int = ROOM) -> str:
    """The bold question at the start of a page, or what `room` has of its first paragraph, by whole sentences where
    one fits; "" without one. What stands in tables, boxes and entries of the API is not what the page is about."""
    for paragraph in doctree.findall(nodes.paragraph):
        if not isinstance(paragraph.parent, nodes.section):
            continue
        first = paragraph.children[0]
        asked = isinstance(first, nodes.strong) and first.astext().strip().endswith("?")
        text = " ".join((first if asked else paragraph).astext().split())
        if len(text) <= room:
            return text
        whole = re.match(rf".{{1,{room - 1}}}[.?!](?=\s)", text)
        return whole[0] if whole else text[: room - 1].rpartition(" ")[0] + "…"
    return ""


def rank(app: Sphinx, config: Any) -> None:
    """Name the file with the ranks: Sphinx would look for it where it was started."""
    config.html_search_scorer = str(Path(app.srcdir, SCORER))


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("config-inited", rank)
    app.connect("html-page-context", describe)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

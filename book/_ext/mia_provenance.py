"""Sphinx extension: says under each chapter what made it, and lists all chapters with the time they took.

`mia report` leaves a record in the metadata of each notebook that it runs (key `mia`); here it becomes text.
"""

import html
import json
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective


def record(env: BuildEnvironment, page: str) -> dict[str, Any] | None:
    """What `mia report` noted when it ran this page, or None for a page that it did not run."""
    path = env.doc2path(page)
    if not path.endswith(".ipynb"):
        return None
    with open(path, encoding="utf-8") as file:
        return json.load(file)["metadata"].get("mia")


def add_line(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Put the record of a page under its text."""
    made = record(app.env, pagename) if doctree is not None and pagename in app.env.found_docs else None
    if not made:
        return
    lines = {
        "Settings": ", ".join(f"{name} = {_words(value)}" for name, value in made["settings"].items()),
        "Data": "{name}, {examples:,} examples, SHA-256 {fingerprint:.12}…".format(**made["data"])
        if made["data"]
        else "",
        "Versions": ", ".join(f"{name} {version}" for name, version in made["versions"].items()),
        "Made": f"{made['made']}, in {made['seconds']:.0f} s",
    }
    items = "".join(f"<dt>{name}</dt><dd>{html.escape(text)}</dd>" for name, text in lines.items() if text)
    context["body"] += (
        f'<aside class="mia-provenance" aria-label="What made this page">What made this page<dl>{items}</dl></aside>'
    )


class RunTable(SphinxDirective):
    """`{mia-run-table}`: every chapter that was run, when, and how long it took."""

    def run(self) -> list[nodes.Node]:
        """The table, or a sentence where this site was rendered from stored outputs."""
        pages = _reading_order(self.env)
        for page in pages:
            self.env.note_dependency(self.env.doc2path(page))
        records = {page: record(self.env, page) for page in pages}
        made = {page: found for page, found in records.items() if found}
        if not made:
            text = "This site was rendered from the outputs stored with the book; no chapter was run for it."
            return [nodes.paragraph("", text)]
        rows = [[_link(page), f"{found['seconds']:.0f} s", found["made"]] for page, found in made.items()]
        return [_table(["Chapter", "Took", "Made"], rows)]


def _reading_order(env: BuildEnvironment) -> list[str]:
    site_map = getattr(env.config, "external_site_map", None)
    return [page for page in (site_map or env.found_docs) if page in env.found_docs]


def _link(page: str) -> nodes.Node:
    link = addnodes.pending_xref(
        "",
        nodes.inline("", page),
        refdomain="std",
        reftype="doc",
        reftarget=f"/{page}",
        refexplicit=False,
        refwarn=True,
    )
    return nodes.paragraph("", "", link)


def _table(head: list[str], rows: list[list[Any]]) -> nodes.table:
    def row(cells: list[Any]) -> nodes.row:
        return nodes.row(
            "",
            *(nodes.entry("", cell if isinstance(cell, nodes.Node) else nodes.paragraph("", cell)) for cell in cells),
        )

    columns = [nodes.colspec(colwidth=1) for _ in head]
    group = nodes.tgroup("", *columns, nodes.thead("", row(head)), nodes.tbody("", *map(row, rows)), cols=len(head))
    return nodes.table("", group)


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("mia-run-table", RunTable)
    app.connect("html-page-context", add_line)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

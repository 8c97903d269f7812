"""Sphinx extension: mends what the theme and the other extensions leave behind."""

from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx_codeautolink.extension.block import CodeBlockAnalyser


def mend_pages(app: Sphinx, error: Exception | None) -> None:
    """Two things that a screen reader stumbles over.

    The bibliography becomes a plain block: its lists have roles that their children do not fit. A fold that lists the
    chapters in which a function is used names the function without a link: a link inside of what opens the fold cannot
    be told from it.
    """
    if error or app.builder.format != "html":
        return
    for path in Path(app.outdir).rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        if "citation-list" not in text and "<summary>Expand for references" not in text:
            continue
        page = BeautifulSoup(text, "html.parser")
        for element in page.select(".citation-list, .citation-list .citation"):
            element.attrs.pop("role", None)
        for link in page.select("summary a"):
            link.unwrap()
        path.write_text(str(page), encoding="utf-8")


def allow_sections_without_title() -> None:
    """Code inside a gated solution is in a section without a title, on which sphinx_codeautolink fails."""
    leave = CodeBlockAnalyser.depart_section

    def depart_section(self: CodeBlockAnalyser, node: Any) -> None:
        if self.title_stack:
            leave(self, node)

    CodeBlockAnalyser.depart_section = depart_section


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    allow_sections_without_title()
    app.connect("build-finished", mend_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

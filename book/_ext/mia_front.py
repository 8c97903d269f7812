"""Sphinx extension: the finding of a recorded study on pages that run no code.

`{mia-finding} table` and `{mia-finding} figure` show it, and the role {mia-found}`NAME` is one of its numbers in a
sentence (`mia_core.report.front.finding_words`).
"""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole

from mia_core.base.errors import MiaError
from mia_core.report import front

MADE = {"table": front.finding_table, "figure": front.finding_figure}


class Finding(SphinxDirective):
    """The table or the figure, or an error of the build where the study is missing."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """One raw node, which `mia_figures` numbers as it does a chapter's."""
        if self.arguments[0] not in MADE:
            raise self.error(f"mia-finding: expected table or figure, found {self.arguments[0]}")
        try:
            page = MADE[self.arguments[0]]()
        except MiaError as error:
            raise self.error(str(error)) from None
        return [nodes.raw("", page, format="html")]


class Found(SphinxRole):
    """One number in a sentence; an error of the build where there is no such number."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Text as it stands in the sentence."""
        try:
            return [nodes.Text(front.finding_words()[self.text])], []
        except (MiaError, KeyError) as error:
            message = self.inliner.reporter.error(f"mia-found: {error}", line=self.lineno)
            return [self.inliner.problematic(self.rawtext, self.rawtext, message)], [message]


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("mia-finding", Finding)
    app.add_role("mia-found", Found())
    return {"parallel_read_safe": True, "parallel_write_safe": True}

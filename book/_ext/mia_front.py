"""Sphinx extension: `{mia-recorded-tradeoff} NAME` is the picture of a recorded study on a page that runs no code."""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from mia_core.base.errors import MiaError
from mia_core.report.front import recorded_tradeoff


class RecordedTradeoff(SphinxDirective):
    """The figure, or an error of the build where the study is missing."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """One raw node, which `mia_figures` numbers as it does a chapter's."""
        try:
            page = recorded_tradeoff(self.arguments[0])
        except MiaError as error:
            raise self.error(str(error)) from None
        return [nodes.raw("", page, format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("mia-recorded-tradeoff", RecordedTradeoff)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

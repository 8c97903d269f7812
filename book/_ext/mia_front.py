"""Sphinx extension: what is recorded, on pages that run no code.

`{mia-recorded-tradeoff} NAME` is the picture of a recorded study, `{mia-recorded-campaign}` the table of a campaign.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from mia_core.base.errors import MiaError
from mia_core.report.front import recorded_campaign, recorded_tradeoff


class Recorded(SphinxDirective):
    """HTML that is made when the page is, or an error of the build where the record is missing."""

    draws: ClassVar[Callable[..., str]]

    def run(self) -> list[nodes.Node]:
        """One raw node, which `mia_figures` numbers as it does a chapter's."""
        try:
            page = type(self).draws(*self.arguments)
        except MiaError as error:
            raise self.error(str(error)) from None
        return [nodes.raw("", page, format="html")]


class Tradeoff(Recorded):
    """The figure of a recorded study, by its name."""

    required_arguments = 1
    draws = staticmethod(recorded_tradeoff)


class Campaign(Recorded):
    """The figures of the recorded campaign of faults."""

    draws = staticmethod(recorded_campaign)


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("mia-recorded-tradeoff", Tradeoff)
    app.add_directive("mia-recorded-campaign", Campaign)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""Sphinx extension: what is recorded, on pages that run no code.

`{mia-finding-table}` and `{mia-finding-figure}` show the finding of the recorded study, the role {mia-found}`NAME` is
one of its numbers in a sentence (`mia_core.report.front.finding_words`), and `{mia-recorded-campaign}` is the table of
a campaign.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole

from mia_core.base.errors import MiaError
from mia_core.report.campaign import recorded_campaign
from mia_core.report.front import finding_figure, finding_table, finding_words


class Recorded(SphinxDirective):
    """HTML that is made when the page is, or an error of the build where the record is missing."""

    draws: ClassVar[Callable[..., str]]

    def run(self) -> list[nodes.Node]:
        """One raw node, which `mia_figures` numbers as it does a chapter's."""
        try:
            page = type(self).draws()
        except MiaError as error:
            raise self.error(str(error)) from None
        return [nodes.raw("", page, format="html")]


class Table(Recorded):
    """The choices and what each gives away."""

    draws = staticmethod(finding_table)


class Figure(Recorded):
    """The leak against accuracy."""

    draws = staticmethod(finding_figure)


class Campaign(Recorded):
    """The figures of the recorded campaign of faults."""

    draws = staticmethod(recorded_campaign)


class Found(SphinxRole):
    """One number in a sentence; an error of the build where there is no such number."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Text as it stands in the sentence."""
        try:
            return [nodes.Text(finding_words()[self.text])], []
        except (MiaError, KeyError) as error:
            message = self.inliner.reporter.error(f"mia-found: {error}", line=self.lineno)
            return [self.inliner.problematic(self.rawtext, self.rawtext, message)], [message]


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("mia-finding-table", Table)
    app.add_directive("mia-finding-figure", Figure)
    app.add_directive("mia-recorded-campaign", Campaign)
    app.add_role("mia-found", Found())
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""Sphinx extension: text about the reference run, and text for every other run in its place.

`{reference-run}` says in words what the stored outputs of a chapter show; its option `holds` is the condition on them
under which a test lets the words stand. A report with other settings leaves them out and shows `{other-run}` instead.
"""

from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from mia_provenance import record
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

from mia_core.report.parameters import known_parameters


def is_reference(env: BuildEnvironment, page: str) -> bool:
    """Whether a page shows the reference run: it has stored outputs, or was run with the settings of its own cell."""
    made = record(env, page)
    return made is None or made["settings"] == known_parameters(Path(env.doc2path(page)))


class ReferenceRun(SphinxDirective):
    """A paragraph or more that speaks of the reference run."""

    has_content = True
    option_spec: ClassVar = {"holds": directives.unchanged_required}
    of_reference = True

    def run(self) -> list[nodes.Node]:
        """The content where it applies, and nothing elsewhere."""
        if self.of_reference and "holds" not in self.options:
            raise self.error("reference-run: expected the option `holds`, a condition on what the chapter glues")
        if is_reference(self.env, self.env.docname) != self.of_reference:
            return []
        box = nodes.container(classes=[self.name])
        self.state.nested_parse(self.content, self.content_offset, box)
        return box.children


class OtherRun(ReferenceRun):
    """What stands in its place on the page of any other run."""

    option_spec: ClassVar = {}
    of_reference = False


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("reference-run", ReferenceRun)
    app.add_directive("other-run", OtherRun)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

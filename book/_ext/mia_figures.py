"""Sphinx extension: numbers the figures and tables that `mia_core.figures.show` put on a page and makes them targets.

`[](#fig-NAME)` and `[](#tab-NAME)` then read "Figure 2" and "Table 1", and hovering shows the figure. A name counts for
its own page first; from another page it can be linked to as long as only one page uses it.
"""

import re
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util import logging

WORDS = {"fig": "Figure", "tab": "Table"}
OPENING = re.compile(r'<figure class="mia-figure mia-(fig|tab)" id="([a-z0-9-]+)">')
LOG = logging.getLogger(__name__)


def number(app: Sphinx, doctree: nodes.document) -> None:
    """Number the shown figures and tables of a page, each kind from 1, in reading order, and link to them."""
    counts = dict.fromkeys(WORDS, 0)
    words: dict[str, str] = {}
    for raw in doctree.findall(nodes.raw):
        if raw.get("format") != "html" or not (opening := OPENING.search(raw.astext())):
            continue
        kind, name = opening.groups()
        if name in words:
            LOG.warning("two figures or tables are called %s", name.partition("-")[2], location=app.env.docname)
        counts[kind] += 1
        words[name] = f"{WORDS[kind]} {counts[kind]}"
        numbered = f'<figcaption><span class="mia-number">{words[name]}.</span> '
        text = raw.astext().replace("<figcaption>", numbered, 1)
        raw.children[:] = [nodes.Text(text)]
        raw["ids"] = [name]
    for link in list(doctree.findall(addnodes.pending_xref)):
        if link["reftarget"] in words and not link.get("refexplicit"):
            name = link["reftarget"]
            link.replace_self(nodes.reference("", words[name], refid=name, internal=True))
    _offer(app, words)


def _offer(app: Sphinx, words: dict[str, str]) -> None:
    """Make the names of this page known to the others, but for those that another page uses too."""
    labels = app.env.get_domain("std").data
    page = app.env.docname
    for name, text in words.items():
        taken = labels["anonlabels"].get(name, (page,))[0] != page
        labels["labels"].pop(name, None)
        labels["anonlabels"][name] = (page, name)
        if not taken:
            labels["labels"][name] = (page, name, text)


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("doctree-read", number)
    return {"parallel_read_safe": False, "parallel_write_safe": True}

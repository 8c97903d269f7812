"""Sphinx extension: numbers the figures and tables that `mia_core.display.figures.show` put on a page and makes them
targets.

`[](#fig-NAME)` and `[](#tab-NAME)` then read "Figure 2" and "Table 1", and hovering shows the figure. A name counts for
its own page first; from another page it can be linked to as long as only one page uses it. Tables of verdicts link to
their evidence in the same words.
"""

import re
from collections import Counter
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

WORDS = {"fig": "Figure", "tab": "Table"}
OPENING = re.compile(r'<figure class="mia-figure mia-(fig|tab)" id="([a-z0-9-]+)">')
EVIDENCE = re.compile(r'(<a class="mia-evidence" href="#((?:fig|tab)-[a-z0-9-]+)">)\w+</a>')
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
    for raw in doctree.findall(nodes.raw):
        if EVIDENCE.search(raw.astext()):
            raw.children[:] = [nodes.Text(EVIDENCE.sub(lambda link: _numbered(app, link, words), raw.astext()))]
    for link in list(doctree.findall(addnodes.pending_xref)):
        if link["reftarget"] in words and not link.get("refexplicit"):
            name = link["reftarget"]
            link.replace_self(nodes.reference("", words[name], refid=name, internal=True))
    _numbers(app.env)[app.env.docname] = words


def _numbered(app: Sphinx, link: re.Match[str], words: dict[str, str]) -> str:
    if link[2] not in words:
        LOG.warning("a table of verdicts names %s, which is not on the page", link[2], location=app.env.docname)
    return f"{link[1]}{words.get(link[2], link[2])}</a>"


def forget(app: Sphinx, env: BuildEnvironment, page: str) -> None:
    """Forget a page that is about to be read again or is gone."""
    _numbers(env).pop(page, None)


def offer(app: Sphinx, env: BuildEnvironment) -> None:
    """Make the names of all pages known to the others, but for those that two pages use."""
    labels = env.get_domain("std").data
    used = Counter(name for words in _numbers(env).values() for name in words)
    for page, words in _numbers(env).items():
        for name, text in words.items():
            labels["anonlabels"][name] = (page, name)
            if used[name] == 1:
                labels["labels"][name] = (page, name, text)


def _numbers(env: BuildEnvironment) -> dict[str, dict[str, str]]:
    """Page -> name -> words, such as "fig-roc" -> "Figure 2"."""
    if not hasattr(env, "mia_numbers"):
        env.mia_numbers = {}
    return env.mia_numbers


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("doctree-read", number)
    app.connect("env-purge-doc", forget)
    app.connect("env-updated", offer)
    return {"parallel_read_safe": False, "parallel_write_safe": True}

"""Sphinx extension: numbers the figures and tables that `mia_core.display.figures.show` put on a page and makes them
targets.

Numbers run on through the book, figures and tables each from 1, in the order of its contents. `[](#fig-NAME)` and
`[](#tab-NAME)` then read "Figure 12" and "Table 9", and hovering shows the figure. A name counts for its own page
first; from another page it can be linked to as long as only one page uses it. Tables of verdicts link to their evidence
in the same words.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

WORDS = {"fig": "Figure", "tab": "Table"}
OPENING = re.compile(r'<figure class="mia-figure mia-(fig|tab)" id="([a-z0-9-]+)">')
EVIDENCE = re.compile(r'(<a class="mia-evidence" href="#((?:fig|tab)-[a-z0-9-]+)">)\w+</a>')
OWN = "mia_shown"
LOG = logging.getLogger(__name__)


def find(app: Sphinx, doctree: nodes.document) -> None:
    """Note the figures and tables of a page, in reading order, and make links to them of what names them."""
    names: list[str] = []
    for raw in doctree.findall(nodes.raw):
        if raw.get("format") != "html" or not (opening := OPENING.search(raw.astext())):
            continue
        name = opening[2]
        if name in names:
            LOG.warning("two figures or tables are called %s", name.partition("-")[2], location=app.env.docname)
        names.append(name)
        raw["ids"] = [name]
    for raw in doctree.findall(nodes.raw):
        for link in EVIDENCE.finditer(raw.astext()):
            if link[2] not in names:
                told = "a table of verdicts names %s, which is not on the page"
                LOG.warning(told, link[2], location=app.env.docname)
    for link in list(doctree.findall(addnodes.pending_xref)):
        if link["reftarget"] in names and not link.get("refexplicit"):
            name = link["reftarget"]
            link.replace_self(nodes.reference("", "", refid=name, internal=True, **{OWN: name}))
    _shown(app.env)[app.env.docname] = names


def forget(app: Sphinx, env: BuildEnvironment, page: str) -> None:
    """Forget a page that is about to be read again or is gone."""
    _shown(env).pop(page, None)


def number(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Number what all pages show, and make the names of each known to the others, but for those that two pages use.

    Gives the pages to write again: all of them where a number has changed, since any may link to it.
    """
    counts, before = Counter[str](), getattr(env, "mia_numbers", None)
    numbers: dict[str, dict[str, str]] = {}
    for page in dict.fromkeys([*_in_order(env, env.config.root_doc), *sorted(_shown(env))]):
        numbers[page] = {}
        for name in _shown(env).get(page, ()):
            kind = name[:3]
            counts[kind] += 1
            numbers[page][name] = f"{WORDS[kind]} {counts[kind]}"
    env.mia_numbers = numbers
    labels = env.get_domain("std").data
    used = Counter(name for words in numbers.values() for name in words)
    for page, words in numbers.items():
        for name, text in words.items():
            labels["anonlabels"][name] = (page, name)
            if used[name] == 1:
                labels["labels"][name] = (page, name, text)
    return [] if numbers == before else list(_shown(env))


def write(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Put the numbers into the captions, the links and the tables of verdicts of a page that is about to be written."""
    words = app.env.mia_numbers.get(page, {})
    for raw in doctree.findall(nodes.raw):
        text = raw.astext()
        if raw.get("format") == "html" and (opening := OPENING.search(text)):
            numbered = f'<figcaption><span class="mia-number">{words[opening[2]]}.</span> '
            text = text.replace("<figcaption>", numbered, 1)
            text = EVIDENCE.sub(lambda link: f"{link[1]}{words.get(link[2], link[2])}</a>", text)
            raw.children[:] = [nodes.Text(text)]
    for link in doctree.findall(nodes.reference):
        if OWN in link:
            link += nodes.Text(words[link[OWN]])


def _in_order(env: BuildEnvironment, page: str) -> Iterator[str]:
    """A page and those below it, in the order of the contents."""
    yield page
    for below in env.toctree_includes.get(page, ()):
        yield from _in_order(env, below)


def _shown(env: BuildEnvironment) -> dict[str, list[str]]:
    """Page -> what it shows in reading order, such as "fig-roc"."""
    if not hasattr(env, "mia_shown"):
        env.mia_shown = {}
    return env.mia_shown


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("doctree-read", find)
    app.connect("env-purge-doc", forget)
    app.connect("env-updated", number)
    app.connect("doctree-resolved", write)
    return {"parallel_read_safe": False, "parallel_write_safe": True}

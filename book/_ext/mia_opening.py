"""Sphinx extension: the first screen of a chapter shows its question, the answers to choose from and its first figure.

In the notebook, as in Jupyter, a figure comes after the code that draws it. On the page the first one comes before
that code and the parameters, with the text that speaks of it, and the folded answers stand side by side.
"""

from itertools import takewhile
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

FIGURE = '<figure class="mia-figure'


def open_chapter(app: Sphinx, doctree: nodes.document) -> None:
    """Rearrange the opening of a page on which answers can be chosen."""
    section = next(iter(doctree.findall(nodes.section)), None)
    if section is not None and _group_answers(section):
        _figure_first(section)


def _group_answers(section: nodes.section) -> bool:
    """Put the folds under the first box of the section into one container; gives whether there are any."""
    children = list(section.children)
    boxes = [at for at, node in enumerate(children) if isinstance(node, nodes.admonition)]
    folds = []
    for node in children[boxes[0] + 1 :] if boxes else []:
        if not (isinstance(node, nodes.container) and node.get("design_component") == "dropdown"):
            break
        folds.append(node)
    if not folds:
        return False
    group = nodes.container(classes=["mia-answers"])
    section.insert(section.index(folds[0]), group)
    for fold in folds:
        section.remove(fold)
        group += fold
    return True


def _figure_first(section: nodes.section) -> None:
    """Move the section's first figure, and the text before and after it, before its first code."""
    drawn = next((node for node in section.children if _is_cell(node) and _figures(node)), None)
    if drawn is None:
        return
    children = list(section.children)
    first, last = next(at for at, node in enumerate(children) if _is_cell(node)), children.index(drawn)
    before = [node for node in children[first:last] if not _is_cell(node)]
    after = list(takewhile(lambda node: not (_is_cell(node) or isinstance(node, nodes.section)), children[last + 1 :]))
    output = _figures(drawn)[0]
    drawn.remove(output)
    for node in (*before, *after):
        section.remove(node)
    figure = nodes.container("", output, classes=["cell", "mia-first-figure"])
    for node in reversed([*before, figure, *after]):
        section.insert(first, node)


def _is_cell(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and "cell" in node["classes"]


def _figures(cell: nodes.container) -> list[nodes.container]:
    """The outputs of a code cell, where a figure is among them."""
    outputs = [node for node in cell.children if isinstance(node, nodes.container) and "cell_output" in node["classes"]]
    return [node for node in outputs if any(FIGURE in raw.astext() for raw in node.findall(nodes.raw))]


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("doctree-read", open_chapter, priority=400)  # before figures are numbered
    return {"parallel_read_safe": True, "parallel_write_safe": True}

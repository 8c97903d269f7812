"""Sphinx extension: shows this project's docstrings, which are plain text, as they are meant.

name   what it is; lines like this one become a list, and lines
       that are indented below belong to them
`name` is code, and nothing else is markup.
"""

import re
from typing import Any

from sphinx.application import Sphinx

ITEM = re.compile(r"^(?P<names>[\w\"'`]\S*(?:, \S+)*) {2,}(?P<text>\S.*)$")


def as_rst(lines: list[str]) -> list[str]:
    """The lines of a docstring as reStructuredText."""
    result: list[str] = []
    in_list = False
    for line in lines:
        if line.lstrip().startswith((">>>", "...")):
            result.append(line.strip() if in_list else line)
            continue
        item = ITEM.match(line)
        if item:
            result += [] if in_list else [""]
            result.append(f"- ``{item['names'].replace('`', '')}``: {_escaped(item['text'])}")
            in_list = True
        elif not line.strip():
            result.append("")
            in_list = False
        elif line.startswith(" ") and in_list:
            result.append(f"  {_escaped(line.strip())}")
        else:
            result += [""] if in_list else []
            result.append(_escaped(line.strip()))
            in_list = False
    return result


def _escaped(text: str) -> str:
    def part(piece: str) -> str:
        if piece.startswith("`") and len(piece) > 2:
            return f"``{piece.strip('`')}``"
        return re.sub(r"([*|\\`]|_(?!\w))", r"\\\1", piece)

    return "".join(map(part, re.split(r"(`[^`]+`)", text)))


def show_as_meant(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Replace the lines of a docstring of this project, in place as Sphinx asks."""
    if name.startswith(("mia_core", "mia_book")):
        lines[:] = as_rst(lines)


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    # Before other extensions, whose additions are markup already.
    app.connect("autodoc-process-docstring", show_as_meant, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""What a reader reads of a chapter: its Markdown cells without markup, and what in them was typed instead of glued."""

import re
from typing import Any

# A directive's own lines: options such as ":class: tip", opening and closing fences. A title behind the name is prose.
OPENING = re.compile(r"^\s*(?P<fence>`{3,}|:{3,}|~{3,})\s*\{(?P<name>[^}]+)\}(?P<title>.*)$")
FENCE = re.compile(r"^\s*(?P<fence>`{3,}|:{3,}|~{3,})(?P<language>\w*)\s*$")
OPTION = re.compile(r"^\s*:[\w-]+:(?!`).*$")
DISPLAY_MATH = re.compile(
    r"^\s*(?P<fence>`{3,}|:{3,})\{math\}.*?^\s*(?P=fence)\s*$|\$\$.*?\$\$"
    r"|\\begin\{(?:align|equation|gather)\*?\}.*?\\end\{(?:align|equation|gather)\*?\}",
    re.MULTILINE | re.DOTALL,
)
TITLED = ("admonition", "dropdown", "prf:definition", "prf:theorem", "note", "tip", "warning", "card")

GLUE = re.compile(r"\{glue:[^}]+\}`(?P<name>[^`]+)`|\{glue\}`(?P<other>[^`]+)`")
CITATION = re.compile(r"\{cite(?::\w+)?\}`[^`]+`")
ROLE = re.compile(r"\{[\w:-]+\}`(?P<text>[^`]+)`")
LINK = re.compile(r"\[(?P<text>[^\]]*)\]\([^)]*\)")

# A result is a decimal number or a percentage. These are conventions that a chapter states, not what it measured.
RESULT = re.compile(r"(?<![\w.])[-+−]?\d+\.\d+\b(?!\.\d)|\d+(?:[.,]\d+)?\s*(?:%|per ?cent\b)")
CONVENTIONS = (
    re.compile(r"\b95%"),  # the confidence of every interval
    re.compile(r"\b\d+(?:\.\d+)?%(?= (?:FPR|false-positive rate|confidence|level))"),
    re.compile(r"(?<=FPR of )\d+(?:\.\d+)?%?"),
    re.compile(r"(?i)(?<=guessing gives )0\.5\b"),
    re.compile(r"(?i)\b(?:python|version|section|equation|figure|table)s? \d+\.\d+(?:(?:,| or| and| to) \d+\.\d+)*"),
)


def markdown(notebook: Any) -> str:
    """The text cells of a notebook, one after the other."""
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def plain(text: str) -> str:
    """Markdown as it reads, without code blocks, display equations and directives; roles stay as they are."""
    lines, directives, code = [], [], None
    for line in DISPLAY_MATH.sub("", text).splitlines():
        fence = FENCE.match(line)
        if code is not None:
            code = None if fence and fence["fence"] == code and not fence["language"] else code
        elif opening := OPENING.match(line):
            directives.append(opening["fence"])
            lines.append(opening["title"] if opening["name"] in TITLED else "")
        elif fence and fence["fence"] in directives and not fence["language"]:
            directives.remove(fence["fence"])
        elif fence and fence["fence"][0] != ":":
            code = fence["fence"]  # a bare fence opens a block of code unless it closes a directive
        elif not fence and not OPTION.match(line):
            lines.append(line)
    return "\n".join(lines)


def words(notebook: Any) -> list[str]:
    """The words of a chapter: a glued value, a link and inline code count as what stands on the page."""
    text = CITATION.sub("cited", GLUE.sub("glued", plain(markdown(notebook))))
    text = LINK.sub(lambda link: link["text"] or "Figure 1", ROLE.sub(lambda role: role["text"], text))
    return [word for word in text.split() if re.search(r"\w", word)]


def equations(notebook: Any) -> int:
    """Number of display equations."""
    return len(DISPLAY_MATH.findall(markdown(notebook)))


def asserted(text: str) -> str:
    """What a text says in its own voice: no quotations, code, glued values, citations or links."""
    text = CITATION.sub("", GLUE.sub("…", plain(text)))
    text = ROLE.sub("", LINK.sub(lambda link: link["text"], text))
    text = re.sub(r"`[^`\n]*`", "", text)
    return re.sub(r"[\"“„][^\"“”]*[\"”]", "“”", text)


def typed_results(text: str) -> list[str]:
    """Decimals and percentages that stand in a text in its own voice, with the words around them."""
    said = asserted(text)
    for convention in CONVENTIONS:
        said = convention.sub(lambda found: "#" * len(found[0]), said)
    return [said[max(0, found.start() - 30) : found.end() + 10].replace("\n", " ") for found in RESULT.finditer(said)]

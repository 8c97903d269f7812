"""A drawing from somebody's report, written anew of known elements and attributes: it can draw, and nothing else."""

import html
import re
from xml.etree import ElementTree

from mia_core.base.messages import harmless, one_line

SVG, LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"

# What Matplotlib draws with (see `mia_core.display.svg`).
_ELEMENTS = re.compile("svg|g|defs|clipPath|pattern|path|use|rect|circle|ellipse|line|poly(line|gon)|image|text|tspan")
_ATTRIBUTES = re.compile(
    "viewBox|style|clip-path|d|points|[xy][12]?|c[xy]|r[xy]?|width|height|transform|fill|stroke|stroke-width|opacity|"
    "fill-opacity|(fill|clip)-rule|patternUnits|preserveAspectRatio"
)
_STYLES = re.compile(
    "fill(-opacity|-rule)?|stroke(-width|-opacity|-linejoin|-linecap|-miterlimit|-dasharray|-dashoffset)?|opacity|"
    r"clip-path|font(-family|-size|-style|-weight|-stretch|-variant)?|text-anchor|image-rendering|(max-)?width|height|--[\w-]+"
)
_FUNCTIONS = ("var", "rgb", "rgba", "translate", "rotate", "scale", "matrix", "skewX", "skewY")
_WORDS = ("aria-label", "id", "role")  # they are read, not obeyed


def known_drawing(text: str) -> str:
    """The `<svg>` element in which only known parts are left, as HTML with codes escaped.

    Raises `ValueError`, which names it, for an element, attribute or style that no figure of this book has, and for
    whatever leads out of the drawing.
    """
    if not (text.startswith("<svg") and text.endswith("</svg>")):
        raise ValueError("no drawing")
    try:
        return _written(ElementTree.fromstring(text))
    except ElementTree.ParseError as error:
        raise ValueError(f"a drawing that is no XML: {error}") from None


def _written(element: ElementTree.Element) -> str:
    name = element.tag.removeprefix(SVG)
    if not _ELEMENTS.fullmatch(name):
        raise ValueError(f"a drawing with the element {one_line(name, 60)}")
    attributes = "".join(f' {_attribute(name, *pair)}="{_text(pair[1])}"' for pair in element.attrib.items())
    if name == "svg":
        attributes += f' xmlns="{SVG[1:-1]}" xmlns:xlink="{LINK[1:].partition("}")[0]}"'
    inside = "".join([_text(element.text), *(_written(child) + _text(child.tail) for child in element)])
    return f"<{name}{attributes}>{inside}</{name}>"


def _attribute(element: str, name: str, value: str) -> str:
    """How the attribute is written. Raises `ValueError` unless it is known and leads nowhere."""
    if name == LINK:
        picture = element == "image" and re.fullmatch(r"data:image/png;base64,[\w+/=\s]*", value)
        if not (picture or re.fullmatch(r"#[\w.-]+", value)):
            raise ValueError(f"a drawing with a link to {one_line(value, 60)}")
        return "xlink:href"
    functions = re.findall(r"([\w-]*)\s*\(\s*([^)]?)", value)
    leads_nowhere = all(what in _FUNCTIONS or (what == "url" and of == "#") for what, of in functions)
    styles = [part.partition(":")[0].strip() for part in value.split(";") if part.strip()] if name == "style" else []
    known = _ATTRIBUTES.fullmatch(name) and all(map(_STYLES.fullmatch, styles))
    if name in _WORDS:
        return name
    if not known or not leads_nowhere or re.search(r"[@\\<>]|/\*", value):
        raise ValueError(f"a drawing with {one_line(name, 60)}={one_line(value, 60)}")
    return name


def _text(text: str | None) -> str:
    return html.escape(harmless(text or ""))

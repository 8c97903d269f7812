"""Shows figures and tables in a chapter: inline, in the reader's theme, with caption and alt text; glues numbers.

Pages and Jupyter show the same HTML. `mia_core.display.svg` draws; this module frames. Matplotlib is imported when a
figure is made, not before.
"""

import html
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mia_core.base.errors import SettingsError
from mia_core.base.messages import harmless
from mia_core.display.shown import SHOWN, Evidence, Explained, Glued, cell_text, figure_data, table_data
from mia_core.display.svg import figure, lay_out, style, themed_svg
from mia_core.measures.text import NOT_MEASURABLE

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["figure", "glue", "show", "show_slider", "style"]


def show(item: "Figure | pd.DataFrame", *, caption: str, name: str, alt: str = "", digits: int = 3) -> None:
    """Show a Matplotlib figure or a table as a numbered figure or table of the page.

    caption  one or two plain sentences under it
    name     letters, digits and dashes, unique on the page: `[](#fig-NAME)` and `[](#tab-NAME)` link to it
    alt      of a figure: what it shows, for those who do not see it, with the numbers that matter
    digits   of a table: decimals of its numbers

    Raises `SettingsError` for a figure without alt text, an empty caption or a name that cannot be a link.
    """
    caption, alt = harmless(caption), harmless(alt)
    if hasattr(item, "savefig"):
        plot = themed_svg(item, name=_checked_name(name), alt=_checked_alt(alt))
        page = figure_html("fig", name, f'<div class="mia-plot">{plot}</div>', caption)
        _display(page, f"{caption} {alt}", figure_data(name, caption, [""], [alt], [plot], page))
    else:
        page = figure_html("tab", name, table_html(item, caption, digits), caption)
        _display(page, f"{caption} {alt}", table_data(name, caption, item, digits))


def show_slider(
    frames: "Sequence[tuple[str, Figure]]", *, caption: str, name: str, alts: Sequence[str], label: str, start: int = 0
) -> None:
    """Show one of several figures, chosen by a slider that works with mouse, touch and arrow keys.

    frames  (value, figure): what the slider says there and what it shows; all figures share their axis ranges
    alts    one alt text per frame
    label   what the slider changes, such as "ε"
    start   index of the frame that is shown first

    Without scripts that frame stands there by itself. Raises `SettingsError` as `show` does.
    """
    if len(frames) < 2 or len(alts) != len(frames):
        raise SettingsError(f"show_slider: expected at least 2 frames and an alt for each, found {len(frames)} frames")
    if not 0 <= start < len(frames):
        raise SettingsError(f"start: expected the index of a frame, 0 to {len(frames) - 1}, found {start}")
    _checked_name(name)
    caption, alts = harmless(caption), [harmless(alt) for alt in alts]
    lay_out(frames[start][1])
    for _, fig in frames:
        lay_out(fig, like=frames[start][1])  # what stays the same stays in its place
    plots = [themed_svg(fig, name=f"{name}-{i}", alt=_checked_alt(alts[i])) for i, (_, fig) in enumerate(frames)]
    shown = [str(value) for value, _ in frames]
    values = [html.escape(value) for value in shown]
    stack = "".join(
        f'<div class="mia-frame" data-value="{value}"{"" if i == start else " hidden"}>{plot}</div>'
        for i, (value, plot) in enumerate(zip(values, plots, strict=True))
    )
    text = html.escape(label)
    # The script is in the output itself so that the slider works in Jupyter too; it touches this figure only.
    control = (
        f'<label class="mia-slider" hidden><span>{text} = <output>{values[start]}</output></span>'
        f'<input type="range" min="0" max="{len(frames) - 1}" step="1" value="{start}" aria-label="{text}" '
        f'aria-valuetext="{text} = {values[start]}"></label>'
    )
    script = (
        "<script>(() => {const box = document.currentScript.closest('figure');"
        "const frames = [...box.querySelectorAll('.mia-frame')], input = box.querySelector('input');"
        "box.querySelector('.mia-slider').hidden = false;"
        "input.addEventListener('input', () => {const at = Number(input.value);"
        "frames.forEach((frame, i) => {frame.hidden = i !== at});"
        "box.querySelector('output').textContent = frames[at].dataset.value;"
        "input.setAttribute('aria-valuetext', input.getAttribute('aria-label') + ' = ' + frames[at].dataset.value)})"
        "})()</script>"
    )
    page = figure_html("fig", name, f'<div class="mia-plot">{stack}</div>{control}{script}', caption)
    _display(page, f"{caption} {alts[start]}", figure_data(name, caption, shown, alts, plots, page))


def glue(name: str, value: Any, digits: int = 3) -> None:
    """Make a number or text of this run available to the text of the page, by MyST's role `glue:text`.

    Numbers become plain Python numbers rounded to `digits`; what is missing becomes "not measurable". Where myst_nb is
    not installed nothing happens, so that a downloaded chapter runs anywhere.
    """
    try:
        from myst_nb import glue as keep
    except ImportError:
        return
    keep(name, Glued(name, value, digits), display=False)


def table_html(table: "pd.DataFrame", caption: str, digits: int = 3) -> str:
    """A table as HTML: its caption inside, headers with a scope, numbers aligned; it scrolls by itself when too wide.

    The first column names the rows.
    """
    rows = [[_cell(value, digits) for value in row] for row in table.itertuples(index=False, name=None)]
    looks = [_look([row[i] for row in rows]) for i in range(len(table.columns))]
    head = "".join(
        f'<th scope="col"{look}>{_breakable(html.escape(harmless(str(name))))}</th>'
        for name, look in zip(table.columns, looks, strict=True)
    )
    body = "".join(
        f'<tr><th scope="row">{_breakable(row[0])}</th>'
        + "".join(f"<td{look}>{cell}</td>" for cell, look in zip(row[1:], looks[1:], strict=True))
        + "</tr>"
        for row in rows
    )
    label = html.escape(caption, quote=True)
    return (
        f'<div class="mia-scroll" tabindex="0" role="region" aria-label="{label}"><table class="mia-table">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(value: Any, digits: int) -> str:
    if isinstance(value, Evidence):
        # On a rendered page the words become the number of what they link to.
        words = "figure" if value.name.startswith("fig-") else "table"
        return f'<a class="mia-evidence" href="#{html.escape(value.name)}">{words}</a>' if value.name else ""
    if isinstance(value, Explained):
        return f'<span title="{html.escape(value.title)}">{html.escape(value)}</span>'
    text = html.escape(cell_text(value, digits))
    # An interval, or a count such as "(5 seeds)", may go to a line of its own, but is not broken.
    return re.sub(r"\[[^\]]*\]|\(\d+ [a-z]+\)", r'<span class="mia-whole">\g<0></span>', text)


def _breakable(text: str) -> str:
    """A name that goes to another line behind its signs: "dropout+smoothing", "smoothing(epsilon=-0.1)"."""
    return re.sub(r"(?<=[\w)])[+(](?=\w)", r"\g<0><wbr>", text)


def _look(cells: list[str]) -> str:
    """Columns of numbers are aligned at the right."""
    values = all(re.match(r"[+\-−]?\d", cell) or cell == NOT_MEASURABLE for cell in cells)
    return ' class="mia-value"' if values and cells else ""


def _checked_name(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise SettingsError(f"name: expected small letters, digits and dashes, found {name!r}")
    return name


def _checked_alt(alt: str) -> str:
    if not alt.strip() or re.search(r"\.(png|svg|jpe?g)\s*$", alt, re.IGNORECASE):
        raise SettingsError(f"alt: expected a sentence that says what the figure shows, found {alt!r}")
    return alt


def figure_html(kind: str, name: str, body: str, caption: str) -> str:
    """A numbered figure ("fig") or table ("tab") of a page around its content; arguments as of `show`."""
    if not caption.strip():
        raise SettingsError(f"caption: expected a sentence, found {caption!r}")
    return (
        f'<figure class="mia-figure mia-{kind}" id="{kind}-{_checked_name(name)}">{body}'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def _display(page: str, words: str, data: dict[str, Any]) -> None:
    from IPython.display import display

    display({"text/html": page, "text/plain": words.strip(), SHOWN: data}, raw=True)

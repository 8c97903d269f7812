"""Matplotlib figures as inline SVG that takes the colours and fonts of the page that shows it.

A figure is drawn in the colours of a light page. Each of these colours is then replaced by a CSS variable with the
colour itself as the last resort: the theme of the book (--pst-...), of JupyterLab (--jp-...), or none.
"""

import contextlib
import html
import io
import re
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mia_core.base.messages import harmless

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEXT, LINES, GRID, PAPER = "#222832", "#48566b", "#d1d5da", "#ffffff"

# After Okabe and Ito's palette for colour-blind readers, darkened until text in it can be read on white. The book's
# style sheet has a lighter twin of each for dark pages. Lines and hatches tell the series apart without any colour.
SERIES = (
    {"color": "#0072b2", "linestyle": "-", "marker": "o", "hatch": ""},
    {"color": "#c44601", "linestyle": "--", "marker": "s", "hatch": "////"},
    {"color": "#00795a", "linestyle": "-.", "marker": "^", "hatch": "...."},
    {"color": "#a3478b", "linestyle": ":", "marker": "D", "hatch": "xxxx"},
    {"color": "#8a6d00", "linestyle": (0, (5, 1, 1, 1, 1, 1)), "marker": "v", "hatch": "++++"},
    {"color": "#5b6066", "linestyle": (0, (1, 1)), "marker": "P", "hatch": "----"},
)

# Short names, set once on each <svg>; the values are what the page provides.
_COLOURS = {
    TEXT: ("--text", f"var(--pst-color-text-base, var(--jp-ui-font-color1, {TEXT}))"),
    LINES: ("--lines", f"var(--pst-color-text-muted, var(--jp-ui-font-color2, {LINES}))"),
    GRID: ("--grid", f"var(--pst-color-border, var(--jp-border-color2, {GRID}))"),
    PAPER: ("--paper", f"var(--pst-color-background, var(--jp-layout-color0, {PAPER}))"),
} | {
    series["color"]: (f"--series-{i}", f"var(--mia-series-{i}, {series['color']})")
    for i, series in enumerate(SERIES, 1)
}
_FONT = "var(--pst-font-family-base, var(--jp-ui-font-family, system-ui, sans-serif))"

_RC = {
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "font.size": 11,
    "axes.titlesize": 11,
    "axes.labelsize": 11,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "legend.fontsize": 10,
    "text.color": TEXT,
    "axes.labelcolor": TEXT,
    "axes.titlecolor": TEXT,
    "axes.edgecolor": LINES,
    "xtick.color": LINES,
    "ytick.color": LINES,
    "xtick.labelcolor": TEXT,
    "ytick.labelcolor": TEXT,
    "grid.color": GRID,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "patch.linewidth": 1.0,
    "hatch.linewidth": 0.8,
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text: it can be read aloud, searched and scaled
}


def figure(rows: int = 1, columns: int = 1, *, width: float = 5.2, height: float = 3.1, **options: Any):
    """An empty figure in the book's style, and its axes as `matplotlib.figure.Figure.subplots` returns them.

    rows, columns  panels; `height` is that of one row and `width` of the whole, in inches. On a phone a figure is
                   about 3.6 inches wide, so panels are better stacked than put side by side
    options        passed on to `subplots`, such as sharex=True
    """
    import matplotlib
    from matplotlib.figure import Figure as New

    # The reader's own matplotlibrc must not change the book's figures. What is drawn later is styled when it is drawn,
    # so the style stays set.
    matplotlib.rcdefaults()
    matplotlib.rcParams.update(_RC)
    fig = New(figsize=(width, height * rows), layout="constrained")
    axes = fig.subplots(rows, columns, **options)
    return fig, axes


def style(series: int, *, fill: bool = False) -> dict[str, Any]:
    """How series number `series` (from 0) is drawn, told apart without colour: by line and marker, or by hatch.

    fill  for bars and histograms: edge and hatch, or a faint fill, in the series' colour; else keywords for a line
    """
    look = SERIES[series % len(SERIES)]
    if not fill:
        return {name: look[name] for name in ("color", "linestyle", "marker")}
    from matplotlib.colors import to_rgba

    # A hatch is drawn on nothing, so that what lies behind it stays visible.
    faint = "none" if look["hatch"] else to_rgba(look["color"], 0.25)
    return {"facecolor": faint, "edgecolor": look["color"], "hatch": look["hatch"]}


def themed_svg(fig: "Figure", *, name: str, alt: str) -> str:
    """The figure as an `<svg>` element to stand inside a page, the same text every time it is drawn.

    name  prefix of all ids in it, so that several figures can share a page
    alt   what a screen reader says
    """
    import matplotlib

    lay_out(fig)
    buffer = io.BytesIO()
    with _any_script(), matplotlib.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        fig.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    _close(fig)
    drawn = harmless(buffer.getvalue().decode("utf-8"))
    width, height = (float(number) for number in re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawn).groups())
    used = {colour: names for colour, names in _COLOURS.items() if colour in drawn}
    variables = "".join(f"{variable}:{value};" for variable, value in used.values())
    opening = (
        f'<svg role="img" aria-label="{html.escape(alt, quote=True)}" viewBox="0 0 {width:g} {height:g}" '
        f'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" style="{variables}'
        f"width:{width * 96 / 72:.0f}px;max-width:100%;height:auto;font-family:{_FONT};"
        'stroke-linejoin:round;stroke-linecap:butt">'
    )
    return opening + _lean(drawn[drawn.index(">", drawn.index("<svg")) + 1 :], name)


def lay_out(fig: "Figure", like: "Figure | None" = None) -> None:
    """Fix where a figure's panels are by its layout engine, or as in `like`, if that has as many and has been laid out.

    Saving would do so too, but by drawing the whole figure once more. From here on its text is drawn as it is.
    """
    import matplotlib

    _without_formulas(fig)
    if fig.get_layout_engine() is None:
        return
    if like is not None and len(like.axes) == len(fig.axes):
        for axes, same in zip(fig.axes, like.axes, strict=True):
            axes.set_position(same.get_position())
    else:
        with _any_script():
            fig.get_layout_engine().execute(fig)
    with matplotlib.rc_context({"figure.autolayout": False, "figure.constrained_layout.use": False}):
        fig.set_layout_engine(None)


def _without_formulas(fig: "Figure") -> None:
    """Keep Matplotlib from reading text between dollar signs, such as the name of a class, as a formula.

    Only the powers of ten that it writes itself at the ticks of a logarithmic axis are formulas.
    """
    from matplotlib.text import Text
    from matplotlib.ticker import LogFormatterMathtext

    powers = {
        id(text)
        for axes in fig.axes
        for axis in (axes.xaxis, axes.yaxis)
        for ticks, formatter in (
            (axis.get_major_ticks(), axis.get_major_formatter()),
            (axis.get_minor_ticks(), axis.get_minor_formatter()),
        )
        if isinstance(formatter, LogFormatterMathtext)
        for tick in ticks
        for text in (tick.label1, tick.label2)
    }
    for text in fig.findobj(Text):
        if id(text) not in powers:
            text.set_parse_math(False)


@contextlib.contextmanager
def _any_script() -> Iterator[None]:
    """Within it, names of classes in any script are no reason for a warning on the page: its reader's fonts draw them.

    Matplotlib only measures text here, for want of a letter by that of a box.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        warnings.filterwarnings("ignore", "Matplotlib currently does not support .* natively")
        yield


def _lean(text: str, name: str) -> str:
    """The inside of Matplotlib's SVG without what a page does not need, in the page's colours and font."""
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", text, flags=re.DOTALL)
    # This style sheet says `*{...}`, which would hold for the whole page.
    text = re.sub(r"<style[^>]*>.*?</style>", "", text, flags=re.DOTALL)
    references = set(re.findall(r"#([\w.-]+)", text))
    text = re.sub(r' id="([^"]*)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in references else "", text)
    text = re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", text)
    text = re.sub(r' (d|x|y|transform)="[^"]*"', lambda m: re.sub(r"\d+\.\d{3,}", _two_digits, m[0]), text)
    text = re.sub(r"#[0-9a-fA-F]{6}\b", lambda m: f"var({_COLOURS[m[0]][0]})" if m[0] in _COLOURS else m[0], text)
    text = re.sub(r"font-family: [^;\"]*;? ?", "", text)
    text = re.sub(r"(font: [^;\"]*?px) [^;\"]*", rf"\g<1> {_FONT}", text)
    return re.sub(r"\s+", " ", text).replace("> <", "><").strip()


def _two_digits(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}"


def _close(fig: "Figure") -> None:
    # A figure made by pyplot would be shown once more at the end of its cell.
    import sys

    if "matplotlib.pyplot" in sys.modules and getattr(fig, "number", None) is not None:
        sys.modules["matplotlib.pyplot"].close(fig)

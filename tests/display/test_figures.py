"""Figures and tables as pages show them: in the page's colours, the same text every time, readable without seeing."""

import html
import json
import re
import sys
import warnings
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from mia_core.base.errors import SettingsError
from mia_core.display.figures import figure, glue, show, show_slider, style, table_html
from mia_core.display.shown import SHOWN, plain, shown_in
from mia_core.display.svg import SERIES, lay_out, themed_svg
from mia_core.display.tables import verdicts_table, with_interval
from mia_core.measures.claims import Claim, Verdict
from mia_core.measures.text import number

pytest.importorskip("matplotlib")


def a_figure():
    fig, ax = figure(height=2)
    for series in range(len(SERIES)):
        ax.plot([0, 1], [series, series + 1], label=f"series {series}", **style(series))
    ax.hist([0, 0.5, 1], label="members", **style(0, fill=True))
    ax.hist([0, 0.2, 1], label="non-members", **style(1, fill=True))
    ax.set(xlabel="ε", ylabel="examples", title="A title")
    ax.legend()
    return fig


@pytest.fixture
def shown(monkeypatch):
    """What would be displayed in a notebook."""
    outputs = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: outputs.append(data))
    return outputs


def test_svg_is_one_labelled_element_in_the_pages_font_and_colours():
    text = themed_svg(a_figure(), name="a", alt='says "1 < 2" & more')
    root = ElementTree.fromstring(text)
    assert root.tag.endswith("}svg")
    assert root.get("role") == "img" and root.get("aria-label") == 'says "1 < 2" & more'
    assert "<style" not in text and "<metadata" not in text and "<!--" not in text and "DejaVu" not in text
    assert all(f">{word}<" in text for word in ("ε", "examples", "A title", "non-members")), "text stays text"
    opening, rest = text[: text.index(">")], text[text.index(">") :]
    assert not re.findall(r"#[0-9a-fA-F]{3,6}\b(?!-)", re.sub(r"url\(#[^)]*\)|href=\"#[^\"]*\"", "", rest))
    assert all(f"{used}:var(" in opening for used in re.findall(r"var\((--[a-z0-9-]+)\)", rest))
    assert "--pst-color-text-base" in opening and "--jp-ui-font-color1" in opening


def test_ids_of_two_figures_never_meet_and_drawings_are_the_same_every_time():
    import matplotlib

    one, two = (themed_svg(a_figure(), name=name, alt="x") for name in ("one", "two"))
    ids = [set(re.findall(r'\bid="([^"]*)"', text)) for text in (one, two)]
    assert ids[0] and not ids[0] & ids[1]
    assert [set(re.findall(r'(?:url\(|href=")#([^")]*)', text)) for text in (one, two)] == ids
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "lines.linewidth": 9}):
        assert themed_svg(a_figure(), name="one", alt="x") == one, "whatever the reader's own style"


def test_text_between_dollar_signs_is_no_formula_wherever_it_stands():
    names = ["a$x$b", "Ba$$in", "$\\frac{$", "$5 to $10"]
    fig, (above, below) = figure(2)
    for place, name in enumerate(names):
        above.plot([0, 1], [place, place], label=f"legend {name}")
        above.annotate(f"note {name}", (0, place))
    above.set_yticks(range(4), labels=[f"tick {name}" for name in names])
    above.set(title=f"title {names[0]}", xlabel=f"x {names[1]}")
    above.legend()
    fig.legend(loc="outside lower center")
    fig.suptitle(f"all {names[2]}")
    below.plot([1, 1e4], [1, 1e4])
    below.set(xscale="log", yscale="log", ylabel=f"y {names[3]}")
    svg = html.unescape(themed_svg(fig, name="x", alt="Prices in $, of a$x$b."))
    for kind, times in (("legend", 2), ("note", 1), ("tick", 1)):
        assert [svg.count(f"{kind} {name}<") for name in names] == [times] * 4
    assert all(f"{text}<" in svg for text in ("title a$x$b", "x Ba$$in", "all $\\frac{$", "y $5 to $10"))
    assert "mathdefault" not in svg, "powers of ten at the ticks of a logarithmic axis are formulas"


def test_series_differ_without_colour():
    for way in ("linestyle", "marker", "hatch"):
        assert len({str(series[way]) for series in SERIES}) == len(SERIES)


@pytest.mark.parametrize(("wrong", "words"), [
    *(({"alt": alt}, "alt: expected a sentence") for alt in ("", "  ", "figure_1.png", "a.SVG")),
    *(({"name": name}, "name: expected small letters") for name in ("", "Two words", "ä", "1st", 'a"b')),
    ({"caption": " "}, "caption: expected a sentence"),
])  # fmt: skip
def test_caption_alt_text_and_name_are_checked(shown, wrong, words):
    with pytest.raises(SettingsError, match=words):
        show(a_figure(), **{"caption": "x", "alt": "x", "name": "a"} | wrong)
    assert not shown


def test_pyplot_figure_is_shown_once(shown):
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    fig, _ = plt.subplots()
    show(fig, caption="x", alt="x", name="a")
    assert plt.get_fignums() == [] and len(shown) == 1


def test_table_is_read_by_rows_and_columns_with_plain_numbers():
    cells = {"defenses": ["a <b>", "b"], "auc": [np.float64(0.83712), np.nan], "n": [3, 4], "holds": [np.True_, False]}
    text = table_html(pd.DataFrame(cells), "All.")
    assert text.count('scope="col"') == 4 and text.count('scope="row"') == 2
    for cell in ("a &lt;b&gt;", ">0.837<", ">not measurable<", ">3<", "<td>yes</td>", "<td>no</td>"):
        assert cell in text
    assert "np." not in text and "nan" not in text
    assert ">0.84</td>" in table_html(pd.DataFrame(cells), "All.", digits=2)


def test_numbers_stand_right_intervals_stay_whole_and_long_names_may_go_to_another_line():
    value, name = "+0.075 [+0.061, +0.089] (3 seeds)", "smoothing(epsilon=-0.1)"
    table = pd.DataFrame(
        {"claim": ["mixup(alpha=1)+dropout+smoothing", "+0.1"], name: [value] * 2, "verdict": ["a+b", "holds"]}
    )
    text = table_html(table, "All.")
    assert text.count('<span class="mia-whole">[+0.061, +0.089]</span>') == 2
    assert text.count('<span class="mia-whole">(3 seeds)</span>') == 2
    assert text.count('class="mia-value"') == 3 and "<td>holds</td>" in text
    assert "mixup(<wbr>alpha=1)+<wbr>dropout+<wbr>smoothing<" in text and ">smoothing(<wbr>epsilon=-0.1)</th>" in text
    assert '<th scope="row">+0.1</th>' in text and "<td>a+b</td>" in text and text.count("<wbr>") == 4


def test_what_scrolls_can_be_reached_by_keys_and_what_does_not_is_no_stop(shown):
    show(a_figure(), caption="x", alt="x", name="a")
    show(pd.DataFrame({"a": [1]}), caption="x", name="c")
    assert [output["text/html"].count('tabindex="0"') for output in shown] == [0, 1]


@pytest.mark.parametrize(("start", "at", "words"), [(0, "-0.1", "one"), (1, "0", "two")])
def test_slider_has_one_visible_frame_and_a_label(shown, start, at, words):
    frames, alts = [(value, a_figure()) for value in (-0.1, 0, 0.1)], ["one", "two", "three"]
    show_slider(frames, caption="A sweep.", alts=alts, name="sweep", label="ε", start=start)
    text = shown[0]["text/html"]
    found = re.findall(r'class="mia-frame" data-value="([^"]*)"( hidden)?', text)
    assert found == [(value, "" if value == at else " hidden") for value in ("-0.1", "0", "0.1")]
    assert 'max="2"' in text and f'value="{start}"' in text and 'aria-label="ε"' in text
    assert f"<output>{at}</output>" in text and f'aria-valuetext="ε = {at}"' in text
    assert shown[0]["text/plain"].endswith(words)
    ids = re.findall(r'\bid="([^"]*)"', text)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(("frames", "wrong", "words"), [
    (1, {"alts": ["x"]}, "at least 2 frames"), (2, {"alts": ["x"]}, "an alt for each"),
    (3, {"alts": ["1", "2", "3"], "start": 3}, "start: expected the index of a frame, 0 to 2, found 3"),
])  # fmt: skip
def test_slider_needs_frames_an_alt_for_each_and_one_to_start_with(frames, wrong, words):
    with pytest.raises(SettingsError, match=words):
        show_slider([(value, a_figure()) for value in range(frames)], caption="x", name="a", label="x", **wrong)


@pytest.mark.parametrize(("value", "expected"), [
    (np.float64(0.83712), 0.837), (np.float32(0.5), 0.5), (np.int64(3), 3), (np.True_, True),
    (None, "not measurable"), (float("nan"), "not measurable"), (np.float64("inf"), "not measurable"),
    ("0.84 [0.81, 0.86]", "0.84 [0.81, 0.86]"),
])  # fmt: skip
def test_values_are_plain(value, expected):
    found = plain(value)
    assert found == expected and type(found) is type(expected)


@pytest.mark.parametrize(("value", "words", "data"), [
    (np.float64(0.83712), "0.837", 0.837), (np.int64(3), "3", 3), (None, "'not measurable'", "not measurable"),
    (number(0.25, 2, "+"), "'+0.25'", {"text": "+0.25", "value": 0.25}),
])  # fmt: skip
def test_glued_values_are_plain_and_invisible(monkeypatch, value, words, data):
    outputs = []
    monkeypatch.setattr("myst_nb.ext.glue.ipy_display", lambda data, raw, metadata: outputs.append({"data": data}))
    glue("auc", value)
    assert outputs[0]["data"]["application/papermill.record/text/plain"] == words
    assert all(kind.startswith("application/papermill.record/") for kind in outputs[0]["data"]), "nothing in sight"
    found = {"kind": "glued", "name": "auc", "value": data}
    assert list(shown_in({"cells": [{}, {"outputs": outputs}]})) == [(found, "")]
    monkeypatch.setitem(sys.modules, "myst_nb", None)
    glue("auc", value)
    assert len(outputs) == 1, "without myst_nb nothing is glued"


def test_shown_tables_and_verdicts_come_as_data_with_numbers_as_numbers(shown):
    both = {"auc": 0.83712, "auc_low": 0.8301, "auc_high": 0.8449}
    cells = {"attack": ["lira"], "auc": [with_interval(both, "auc")], "n": [3], "share": [0.5], "holds": [True]}
    show(pd.DataFrame(cells | {"lost": [None]}), caption="All.", name="all", digits=2)
    auc = {"text": "0.837 [0.830, 0.845]", "value": 0.837, "low": 0.83, "high": 0.845}
    row = ["lira", auc, 3, {"text": "0.50", "value": 0.5}, "yes", "not measurable"]
    data = {"kind": "table", "name": "all", "caption": "All.", "columns": [*cells, "lost"], "rows": [row]}
    assert json.loads(json.dumps(shown[0][SHOWN])) == data
    claim = Claim("It rises.", "IV", "auc", "dropout", "none", "higher")
    lines = [Verdict(claim, "holds", 0.1, 0.05, 0.15, 3), Verdict(claim, "cannot be told", None, None, None, 0)]
    show(verdicts_table(lines, evidence="tab-all"), caption="Verdicts.", name="v")
    measured = {"text": "+0.100 [+0.050, +0.150] (3 seeds)", "value": 0.1, "low": 0.05, "high": 0.15, "seeds": 3}
    line = {"claim": "It rises.", "source": "IV", "measured": measured, "outcome": "holds"}
    unknown = line | {"measured": "not measurable", "outcome": "cannot be told"}
    data = {"kind": "verdicts", "name": "v", "caption": "Verdicts.", "lines": [line, unknown]}
    assert json.loads(json.dumps(shown[1][SHOWN])) == data


def test_shown_figures_have_caption_name_words_and_data_that_says_where_their_drawings_are(shown):
    show(a_figure(), caption="More & more.", alt="It rises.", name="rise")
    assert '<figure class="mia-figure mia-fig" id="fig-rise">' in shown[0]["text/html"]
    assert "<figcaption>More &amp; more.</figcaption>" in shown[0]["text/html"]
    assert shown[0]["text/plain"] == "More & more. It rises."
    show_slider([(0, a_figure()), (1, a_figure())], caption="Two.", alts=["Low.", "High."], name="sweep", label="ε")
    for output, frames in zip(shown, ([("", "It rises.")], [("0", "Low."), ("1", "High.")]), strict=True):
        data = output[SHOWN]
        assert [(frame["value"], frame["alt"]) for frame in data["frames"]] == frames
        for frame in data["frames"]:
            drawing = output["text/html"][slice(*frame["svg"])]
            assert ElementTree.fromstring(drawing).get("aria-label") == frame["alt"]


def test_frames_that_are_laid_out_alike_keep_their_panels_in_place():
    def drawn(largest, like=None):
        fig, axes = figure()
        axes.plot([0, largest])
        lay_out(fig, like=like)
        return fig

    first = drawn(1)
    own, alone, alike = (fig.axes[0].get_position().bounds for fig in (first, drawn(10**6), drawn(10**6, first)))
    assert alike == own != alone
    assert first.get_layout_engine() is None, "saving would lay it out once more"


def test_names_in_any_script_are_shown_as_they_are_and_codes_are_not_obeyed(shown):
    fig, ax = figure()
    ax.bar(["猫", "שלום", "a\x1b[2Jb", "c\u202ed"], [1, 2, 3, 4])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        show(fig, caption="猫\x1b", alt="A bar of c\u202ed.", name="names")
    show(pd.DataFrame({"class\u202e": ["猫", "a\x1b[2Jb"]}), caption="Names.", name="all")
    pages = json.dumps([dict(data) for data in shown], ensure_ascii=False)
    assert all(word in pages for word in ("猫", "שלום", r"a\\x1b[2Jb", r"c\\u202ed", r"class\\u202e"))
    assert not set("\x1b\u202e") & {*"".join(data["text/html"] + data["text/plain"] for data in shown)}
    ElementTree.fromstring(re.search("<svg.*</svg>", shown[0]["text/html"])[0])

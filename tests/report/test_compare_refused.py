"""What is no report, or a damaged one, is refused in one line; nothing is written, and no terminal loses a result."""

import io
import json
import os
import sys
from pathlib import Path

import pytest

from attack_commands import refused
from books import ROOT
from compared import chapter, results, stored, verdict
from mia_core.base.sealed import SEAL
from mia_core.cli.main import main
from mia_core.display.shown import SHOWN, shown_in
from mia_core.report.compare.drawing import known_drawing


def broken(*path, value):
    content = json.loads(results(x=chapter()).as_json())
    content.pop(SEAL)  # as whoever writes one by hand
    place = content
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return json.dumps(content)


@pytest.mark.parametrize(("content", "words"), [
    (b"", "is no strict JSON"), (results(x=chapter()).as_json()[:-40].encode(), "is no strict JSON"),
    (b"[" * 100_000, "is no strict JSON"), (b"[]", "its format is None; expected 2"),
    (b"\xff\xfe\x00", "is no text in UTF-8"),
    (results(x=chapter()).as_json().replace('"seconds": ', '"seconds": 1').encode(), "does not match its digest"),
    *((broken(*path, value=value).encode(), words) for path, value, words in (
        (["format"], 1, "its format is 1, that of an older version; build the report again"),
        (["chapters", "x", "seconds"], float("nan"), "NaN is not a number in JSON"),
        (["chapters"], [1], "chapters: "),
        (["chapters", "x", "verdicts", 0, "claim"], 3, "chapters.x.verdicts.0.claim: "),
        (["chapters", "x", "glued", "auc"], None, "chapters.x.glued.auc"),
        (["chapters", "x", "new"], "a\nb", "chapters.x.new: "),
        (["chapters", "x", "seconds"], 1.5e300, "1.5e+300 is out of range"),
        (["chapters", "x", "settings", "seeds"], 10**30, "is out of range"),
        (["chapters", "x", "settings", "seeds"], json.loads("[" * 40 + "]" * 40), "more than 20 levels"),
        (["chapters", "../../../x"], chapter().model_dump(), "a name of letters, digits"),
        (["chapters", "x", "figures", "a/b"], {"caption": "", "alts": []}, "a name of letters, digits"))),
], ids=range(17))  # fmt: skip
def test_damaged_results_are_refused_in_one_line(tmp_path, capsys, content, words):
    (tmp_path / "results.json").write_bytes(content)
    assert words in refused(capsys, "compare", tmp_path, tmp_path)


def test_a_file_that_is_none_or_leads_elsewhere_is_refused(tmp_path, capsys, monkeypatch):
    """A pipe would be waited for, and a link would show what its sender may not read."""
    good = Path(stored(tmp_path / "good", x=chapter()))
    for name, words in (("pipe", "results.json: is no file"), ("link", "is a link that leads out of the report")):
        folder = tmp_path / name
        folder.mkdir()
        place = folder / "results.json"
        os.mkfifo(place) if name == "pipe" else place.symlink_to(good / "results.json")
        assert words in refused(capsys, "compare", folder, good)
    (good / "_sources" / "book").mkdir(parents=True)
    (tmp_path / "private.ipynb").write_text('{"cells": []}')
    (good / "_sources" / "book" / "x.ipynb").symlink_to(tmp_path / "private.ipynb")
    words = "x.ipynb: is a link that leads out of the report"
    assert words in refused(capsys, "compare", good, good, "--out", tmp_path / "o.html")
    monkeypatch.setattr("mia_core.report.compare.results.MOST_BYTES", 1000)
    assert "results.json: is larger than" in refused(capsys, "compare", good, good)


def test_folders_and_names_are_checked_before_anything_is_written(tmp_path, capsys):
    good, older = Path(stored(tmp_path / "good", x=chapter())), tmp_path / "older"
    older.mkdir()
    (older / "report.json").write_text("{}")
    (good / "index.html").write_text("its first page")
    (good / "_sources" / "book").mkdir(parents=True)
    (good / "_sources" / "book" / "x.ipynb").write_text('{"cells": []}')
    for words, message in (
        ([tmp_path / "none", good], "none: is no folder"),
        ([good, tmp_path], "holds no results.json"),
        ([good, older], "an older one: build it again"),
        ([good, good, "--out", tmp_path], "is a folder; expected the name of a file that ends in .html"),
        ([good, good, "--out", tmp_path / "x.pdf"], "expected a name that ends in .html, found x.pdf"),
        ([good, good, "--out", good / "results.json" / "x.html"], "cannot be written"),
        ([good, good, "--out", good / "index.html"], "is a file of the report"),
        ([good], "Missing argument 'B'"),
    ):
        assert message in refused(capsys, "compare", *words)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["good", "older"]


NO_DRAWING = {"kind": "figure", "name": "f", "caption": "", "frames": [{"value": "", "alt": "", "svg": [0, 5]}]}


@pytest.mark.parametrize(("content", "words"), [
    (None, "cannot be read: No such file"),
    *((text, "is no notebook") for text in ("{", "[]", '{"cells": 3}', '{"cells": [{"outputs": [3]}]}')),
    (json.dumps({"cells": [{"outputs": [{"data": {SHOWN: NO_DRAWING, "text/html": "<script>"}}]}]}),
     "is no notebook of this book: no drawing"),
])  # fmt: skip
def test_a_missing_or_damaged_notebook_of_figures_is_refused(tmp_path, capsys, content, words):
    folder = stored(tmp_path / "a", x=chapter())
    notebook = Path(folder, "_sources", "book", "x.ipynb")
    notebook.parent.mkdir(parents=True)
    if content is not None:
        notebook.write_text(content)
    assert f"x.ipynb: {words}" in refused(capsys, "compare", folder, folder, "--out", tmp_path / "o.html")
    assert not (tmp_path / "o.html").exists()


def test_narrow_encodings_lose_no_result(tmp_path, monkeypatch):
    a, b = (stored(tmp_path / outcome, x=chapter(verdicts=[verdict(outcome, "At ε.")])) for outcome in ("yes", "no"))
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", narrow)
    assert main(["compare", a, b]) == 1
    narrow.flush()
    assert b"At \\u03b5." in narrow.buffer.getvalue()


DRAWN = (
    '<svg role="img" aria-label="A line; x(y)." viewBox="0 0 9 9" xmlns="http://www.w3.org/2000/svg" '
    'xmlns:xlink="http://www.w3.org/1999/xlink" style="--t:var(--a, #222);width:9px"><defs><path id="a-m" d="M 0 0"/>'
    '</defs><g transform="translate(1 2)"><use xlink:href="#a-m" style="stroke: #123456"/>{inside}</g></svg>'
)


@pytest.mark.parametrize(("inside", "words"), [
    ('<meta http-equiv="refresh" content="0; url=https://example.org"/>', "the element meta"),
    ("<script>alert(1)</script>", "the element script"),
    ("<style>@import 'https://example.org/a.css'</style>", "style"),
    ('<a xlink:href="https://example.org"><text>x</text></a>', "the element a"),
    ('<foreignObject><div xmlns="http://www.w3.org/1999/xhtml">x</div></foreignObject>', "the element foreignObject"),
    ('<animate attributeName="href" values="https://example.org"/>', "the element animate"),
    ('<g onload="alert(1)"/>', "onload=alert"), ('<image xlink:href="https://example.org/a.png"/>', "a link to https"),
    ('<use xlink:href="other.svg#a"/>', "a link to other.svg"),
    ('<image href="//example.org/a.png"/>', "href=//example"),
    ('<image xlink:href="data:image/svg+xml;base64,AAAA"/>', "a link to data:image/svg"),
    ('<path style="fill: url(https://example.org/a)"/>', "style=fill: url"),
    ('<path fill="u\\72l(https://example.org/a)"/>', "fill=u"),
    ('<path style="fill: image-set(\'https://example.org/a\' 1x)"/>', "style=fill: image-set"),
    ('<rect style="position: fixed"/>', "style=position"), ("<p>", "is no XML"), ("&nbsp;", "is no XML"),
])  # fmt: skip
def test_a_drawing_can_draw_and_nothing_else(tmp_path, capsys, inside, words):
    folder = stored(tmp_path / "a", x=chapter())
    page = DRAWN.format(inside=inside)
    frames = [{"value": "", "alt": "", "svg": [0, len(page)]}]
    data = {SHOWN: {"kind": "figure", "name": "f", "caption": "", "frames": frames}, "text/html": page}
    notebook = Path(folder, "_sources", "book", "x.ipynb")
    notebook.parent.mkdir(parents=True)
    notebook.write_text(json.dumps({"cells": [{"outputs": [{"data": data}]}]}))
    said = refused(capsys, "compare", folder, folder, "--out", tmp_path / "o.html")
    assert "x.ipynb: is no notebook of this book: a drawing" in said and words in said
    assert not (tmp_path / "o.html").exists()


def test_drawings_of_this_book_are_left_as_they_are():
    inside = '<image xlink:href="data:image/png;base64,iVBO+/Rw0=" width="3"/><text>a &amp; b &lt; c \u202e</text>'
    found = known_drawing(DRAWN.format(inside=inside))
    assert "a &amp; b &lt; c \\u202e</text>" in found and found.count("<") == found.count(">") == 14
    for file in sorted((ROOT / "book").glob("*.ipynb"))[:4]:
        for data, page in shown_in(json.loads(file.read_text(encoding="utf-8"))):
            for frame in data.get("frames", ()):
                drawing = page[slice(*frame["svg"])]
                assert known_drawing(drawing).count("<path ") == drawing.count("<path ")


def test_codes_in_a_report_reach_neither_terminal_nor_page(tmp_path, capsys):
    codes, odd = "\x1b]0;x\x07\u202e\u2066\r\x9b2J", set("\x1b\x07\u202e\u2066\r\x9b")
    told = {"title": codes, "settings": {f"a{codes}": [codes]}, "verdicts": [verdict(codes, codes)], "made": codes}
    a = stored(tmp_path / "a", x=chapter(**told, glued={"w": codes}, figures={}))
    b = stored(tmp_path / "b", x=chapter(figures={}))
    for words in ([], ["--summary"], ["--json"], ["--out", str(tmp_path / "o.html")]):
        main(["compare", a, b, *words])
        said = capsys.readouterr()
        assert not odd & set(said.out + said.err), words
    page = (tmp_path / "o.html").read_text(encoding="utf-8")
    assert not odd & set(page) and r"\x1b]0;x\x07\u202e\u2066" in page

"""What is no report, or a damaged one, is refused in one line; nothing is written, and no terminal loses a result."""

import io
import json
import sys
from pathlib import Path

import pytest

from attack_commands import refused
from compared import chapter, results, stored, verdict
from mia_core.cli.main import main
from mia_core.display.shown import SHOWN


def broken(*path, value):
    content = json.loads(results(x=chapter()).as_json())
    place = content
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return json.dumps(content)


@pytest.mark.parametrize(("content", "words"), [
    (b"", "is no strict JSON"), (results(x=chapter()).as_json()[:-40].encode(), "is no strict JSON"),
    (b"[" * 100_000, "is no strict JSON"), (b"[]", "its format is None; expected 2"),
    (b"\xff\xfe\x00", "is no text in UTF-8"),
    *((broken(*path, value=value).encode(), words) for path, value, words in (
        (["format"], 1, "its format is 1, that of an older version; build the report again"),
        (["chapters", "x", "seconds"], float("nan"), "NaN is not a number in JSON"),
        (["chapters"], [1], "chapters: "),
        (["chapters", "x", "verdicts", 0, "claim"], 3, "chapters.x.verdicts.0.claim: "),
        (["chapters", "x", "glued", "auc"], None, "chapters.x.glued.auc"),
        (["chapters", "x", "new"], "a\nb", "chapters.x.new: "))),
], ids=range(11))  # fmt: skip
def test_damaged_results_are_refused_in_one_line(tmp_path, capsys, content, words):
    (tmp_path / "results.json").write_bytes(content)
    assert words in refused(capsys, "compare", tmp_path, tmp_path)


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
     "is no notebook: no drawing at 0 to 5"),
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

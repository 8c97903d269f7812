"""What is no report, or a damaged one, is refused in one line; nothing is written, and no terminal loses a result."""

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from compared import chapter, results, stored, verdict
from mia_core.base.errors import RunError
from mia_core.cli.main import main
from mia_core.display.shown import SHOWN
from mia_core.report.compare.results import read_results


def valid() -> dict[str, Any]:
    return json.loads(results(x=chapter()).as_json())


def broken(*path: Any, value: Any) -> str:
    content = valid()
    place = content
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return json.dumps(content)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is no strict JSON"),
        (results(x=chapter()).as_json()[:-40], "is no strict JSON"),
        ("[" * 100_000, "is no strict JSON"),
        ("[]", "its format is None; expected 2"),
        (broken("format", value=1), "its format is 1, that of an older version; build the report again"),
        (broken("chapters", "x", "seconds", value=float("nan")), "NaN is not a number in JSON"),
        (broken("chapters", value=[1]), "chapters: "),
        (broken("chapters", "x", "verdicts", 0, "claim", value=3), "chapters.x.verdicts.0.claim: "),
        (broken("chapters", "x", "glued", "auc", value=None), "chapters.x.glued.auc"),
        (broken("chapters", "x", "new", value="a\nb"), "chapters.x.new: "),
        (b"\xff\xfe\x00", "is no text in UTF-8"),
    ],
)
def test_damaged_results_are_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture, content: str | bytes, words: str
) -> None:
    (tmp_path / "a").mkdir()
    data = content if isinstance(content, bytes) else content.encode()
    (tmp_path / "a" / "results.json").write_bytes(data)
    with pytest.raises(RunError, match=re.escape(words)):
        read_results(tmp_path / "a")
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "a")]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and said.err.startswith("mia: error: ")


def test_folders_and_names_are_checked_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    good, older = Path(stored(tmp_path / "good", x=chapter())), tmp_path / "older"
    older.mkdir()
    (older / "report.json").write_text("{}")
    (good / "index.html").write_text("its first page")
    (good / "_sources" / "book").mkdir(parents=True)
    (good / "_sources" / "book" / "x.ipynb").write_text('{"cells": []}')
    for words, message in (
        ([str(tmp_path / "none"), str(good)], "none: is no folder"),
        ([str(good), str(tmp_path)], "holds no results.json"),
        ([str(good), str(older)], "an older one: build it again"),
        ([str(good), str(good), "--out", str(tmp_path)], "is a folder; expected the name of an .html file"),
        ([str(good), str(good), "--out", str(tmp_path / "x.pdf")], "expected a name that ends in .html, found x.pdf"),
        ([str(good), str(good), "--out", str(good / "results.json" / "x.html")], "cannot be written"),
        ([str(good), str(good), "--out", str(good / "index.html")], "is a file of the report"),
        ([str(good)], "Missing argument 'B'"),
    ):
        assert main(["compare", *words]) == 2
        said = capsys.readouterr()
        assert said.out == "" and said.err.count("\n") == 1 and message in said.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["good", "older"]


NO_DRAWING = {"kind": "figure", "name": "f", "caption": "", "frames": [{"value": "", "alt": "", "svg": [0, 5]}]}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "x.ipynb: cannot be read: No such file"),
        *((text, "x.ipynb: is no notebook") for text in ("{", "[]", '{"cells": 3}', '{"cells": [{"outputs": [3]}]}')),
        (
            json.dumps({"cells": [{"outputs": [{"data": {SHOWN: NO_DRAWING, "text/html": "<script>"}}]}]}),
            "x.ipynb: is no notebook: no drawing at 0 to 5",
        ),
    ],
)
def test_a_missing_or_damaged_notebook_of_figures_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture, content: str | None, words: str
) -> None:
    folder = stored(tmp_path / "a", x=chapter())
    notebook = Path(folder, "_sources", "book", "x.ipynb")
    notebook.parent.mkdir(parents=True)
    if content is not None:
        notebook.write_text(content)
    assert main(["compare", folder, folder, "--out", str(tmp_path / "o.html")]) == 2
    assert words in capsys.readouterr().err and not (tmp_path / "o.html").exists()


def test_narrow_encodings_lose_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = (stored(tmp_path / outcome, x=chapter(verdicts=[verdict(outcome, "At ε.")])) for outcome in ("yes", "no"))
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", narrow)
    assert main(["compare", a, b]) == 1
    narrow.flush()
    assert b"At \\u03b5." in narrow.buffer.getvalue()

"""Two reports compared: what differs is found with its interval, what is no report is refused in one line."""

import io
import json
import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from books import code, write_book

from mia_core.book import build_report
from mia_core.book.sources import Book
from mia_core.cli import main
from mia_core.compare.differences import compare, difference
from mia_core.compare.page import as_page
from mia_core.compare.results import Chapter, Results, ShownFigure, ShownTable, ShownVerdict, quantity, read_results
from mia_core.errors import RunError
from mia_core.intervals import Interval, over_seeds

CELL = """\
import pandas as pd

from mia_core import glue, judge, show
from mia_core.claims import Claim
from mia_core.figures import figure, show_slider
from mia_core.tables import difference, verdicts_table

gain = 0.1 if epochs > 5 else -0.1
rows = [("none", seed, 0.5 + seed / 100) for seed in range(3)]
rows += [("dropout", seed, 0.5 + gain + seed / 90) for seed in range(3)]
table = pd.DataFrame([{"defenses": d, "seed": s, "attack": "adversary1", "auc": v} for d, s, v in rows])
verdict = judge(Claim("Dropout raises <it> at ε.", "I", "auc", "dropout", "none", "higher"), table)
show(verdicts_table([verdict]), name="verdicts", caption="Verdicts.")
auc = f"{0.6 + gain:.3f} [{0.5 + gain:.3f}, {0.7 + gain:.3f}]"
show(pd.DataFrame({"defenses": ["none"], "auc": [auc]}), name="all", caption="All.")
glue("difference", difference(verdict))
glue("same", 0.25)
frames = []
for share in (1, 2):
    fig, ax = figure(height=2)
    ax.plot([0, 1], [0, gain * share])
    frames.append((share, fig))
show_slider(frames, caption="A sweep.", alts=["Low.", "High."], name="sweep", label="ε")
"""


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two reports of one small book, in which a claim and a number turn with a setting; not rendered."""
    pytest.importorskip("papermill")
    top = tmp_path_factory.mktemp("reports")
    source = write_book(top / "source", {"chapter": ["# A chapter", code("epochs = 1", "parameters"), code(CELL)]})

    def no_render(book: Book) -> Path:
        site = book.root / "site"
        (site / "_sources" / "book").mkdir(parents=True)
        for file in book.chapters.values():
            shutil.copyfile(file, site / "_sources" / "book" / file.name)
        return site

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIA_CACHE", str(top / "store"))
        patch.setattr("mia_core.book.build.render", no_render)
        return tuple(build_report({"epochs": n}, top / f"epochs {n}", source=source) for n in (1, 9))


def test_report_carries_its_results_as_strict_json(reports: tuple[Path, Path]) -> None:
    text = (reports[0] / "results.json").read_text(encoding="utf-8")
    found = json.loads(text, parse_constant=pytest.fail)
    chapter = found["chapters"]["chapter"]
    assert found["parameters"] == {"epochs": 1} and chapter["title"] == "A chapter"
    assert chapter["settings"] == {"epochs": 1} and {"python", "torch", "mia_core"} <= set(chapter["versions"])
    assert chapter["glued"]["same"] == 0.25 and chapter["made"].endswith("UTC")
    assert chapter["glued"]["difference"] == chapter["verdicts"][0]["measured"]
    (verdict,) = chapter["verdicts"]
    assert verdict["claim"] == "Dropout raises <it> at ε." and verdict["outcome"] == "does not hold"
    assert chapter["tables"] == {
        "all": {"caption": "All.", "columns": ["defenses", "auc"], "rows": [["none", "0.500 [0.400, 0.600]"]]}
    }
    assert chapter["figures"] == {"sweep": {"caption": "A sweep.", "alts": ["Low.", "High."]}}
    assert read_results(reports[0]).chapters["chapter"].verdicts[0].outcome == "does not hold"


def test_what_differs_is_found(reports: tuple[Path, Path]) -> None:
    found = compare(*map(read_results, reports))
    assert [(c.what, c.a, c.b, c.chapters) for c in found.settings] == [("epochs", "1", "9", ("chapter",))]
    (turn,) = found.turns
    assert (turn.a.outcome, turn.b.outcome) == ("does not hold", "holds") and turn.difference.low > 0.19
    shifts = {(shift.where, shift.what): shift for shift in found.shifts}
    assert found.same_numbers == 1 and found.same_verdicts == 0
    cell = shifts["chapter, all", "none: auc"]
    assert cell.difference.mean == pytest.approx(0.2)
    assert cell.difference.low == pytest.approx(0.2 - 2**0.5 / 10) and cell.clear
    assert shifts["chapter", "difference"].clear


def test_report_does_not_differ_from_itself(reports: tuple[Path, Path]) -> None:
    found = compare(*map(read_results, (reports[0], reports[0])))
    assert not (found.settings or found.turns or found.shifts or found.only_a or found.only_b)
    assert found.same_verdicts == 1 and found.same_numbers == 4


class Tags(HTMLParser):
    """Ids, and tags that are open at the end."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.open: list[str] = []
        self.seen: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [str(value) for name, value in attrs if name == "id"]
        self.seen.append(tag)
        if tag not in ("meta", "br", "img", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_command_prints_and_writes_one_page(
    reports: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out = tmp_path / "new" / "compared.html"
    assert main(["compare", *map(str, reports), "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert said.err == f"mia: note: wrote {out}\n"
    for words in (
        "epochs: A 1, B 9",
        "A does not hold, -0.",
        "B holds, +0.",
        "* none: auc",
        "B - A +0.200 [+0.059",
    ):
        assert words in said.out
    page = out.read_text(encoding="utf-8")
    tags = Tags(page)
    assert tags.open == [] and len(tags.ids) == len(set(tags.ids)) and "script" not in tags.seen
    assert tags.seen.count("svg") == 4, "two frames of each report"
    assert not re.search(r'(?:src|href)="(?!#)', page), "one file, and nothing else"
    assert "Dropout raises &lt;it&gt; at ε." in page and "<it>" not in page
    assert set(re.findall(r"url\(#([^)]*)\)", page)) <= set(tags.ids)
    assert "prefers-color-scheme: dark" in page and 'name="viewport"' in page


def test_command_prints_strict_json(reports: tuple[Path, Path], capsys: pytest.CaptureFixture) -> None:
    assert main(["compare", *map(str, reports), "--json"]) == 0
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert found["turns"][0]["b"]["outcome"] == "holds" and found["settings"][0]["what"] == "epochs"


def chapter(**changes: Any) -> Chapter:
    given = {
        "title": "One",
        "settings": {"seeds": [0, 1]},
        "data": {"name": "digits", "fingerprint": "aa"},
        "glued": {"auc": "0.5 [0.4, 0.6]", "word": "holds"},
        "tables": {"t": ShownTable(caption="T.", columns=["d", "attack", "auc"], rows=[["none", "gap", "0.5"]] * 2)},
        "verdicts": [ShownVerdict(table="v", claim="C.", source="I", measured="+0.1 (1 seed)", outcome="holds")],
        "figures": {"f": ShownFigure(caption="F.", alts=["A line."])},
    }
    return Chapter(**given | changes)


def results(**chapters: Chapter) -> Results:
    return Results(parameters={}, chapters=chapters)


def test_what_only_one_report_has_is_said() -> None:
    one = results(x=chapter(), y=chapter())
    other = results(x=chapter(verdicts=[], glued={}, settings={"seeds": [0, 1], "k": 3}, data=None), z=chapter())
    found = compare(one, other)
    assert (found.only_a, found.only_b) == (("y",), ("z",))
    assert [(turn.a is None, turn.b is None) for turn in found.turns] == [(False, True)]
    assert {(c.what, c.a, c.b) for c in found.settings} == {
        ("k", "-", "3"),
        ("data: name", "digits", "-"),
        ("data: fingerprint", "aa", "-"),
    }
    assert {shift.what for shift in found.shifts} == {"auc", "C."} and not any(s.clear for s in found.shifts)
    assert found.same_numbers == 2, "rows of one name are told apart"
    page = as_page(found, one, other, ("a", "<b>"), ({}, {}))
    assert "Only A has: y." in page and "&lt;b&gt;" in page and Tags(page).open == []


def test_number_that_became_unmeasurable_differs_without_a_difference() -> None:
    rows = [["none", "gap", "not measurable"]] * 2
    changed = chapter(tables={"t": ShownTable(caption="T.", columns=["d", "attack", "auc"], rows=rows)})
    shifts = compare(results(x=chapter()), results(x=changed)).shifts
    assert [(shift.what, shift.a, shift.b, shift.difference) for shift in shifts] == [
        ("none, gap: auc", "0.5", "not measurable", None),
        ("none, gap: auc (2)", "0.5", "not measurable", None),
    ]


def test_claim_that_cannot_be_told_any_more_has_turned() -> None:
    verdict = ShownVerdict(table="v", claim="C.", source="I", measured="+0.1", outcome="cannot be told")
    (turn,) = compare(results(x=chapter()), results(x=chapter(verdicts=[verdict]))).turns
    assert turn.b.outcome == "cannot be told" and turn.difference == Interval(0, None, None)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0.837 [0.831, 0.843]", (0.837, 0.831, 0.843)),
        ("+0.075 [-0.061, +0.089] (3 seeds)", (0.075, -0.061, 0.089)),
        ("-0.1 (1 seed)", (-0.1, None, None)),
        ("−0.1", (-0.1, None, None)),
        ("0.60 | 0.606 [0.567, 0.645]", (0.606, 0.567, 0.645)),
        (40, (40, None, None)),
        ("1e-07", (1e-7, None, None)),
        ("holds", None),
        ("2 seeds, trained on 2025-11-25", None),
        ("CIFAR-10", None),
        ("2025-11-25", None),
        (True, None),
        ("", None),
    ],
)
def test_shown_numbers_are_read(text: object, found: tuple | None) -> None:
    assert quantity(text) == (None if found is None else Interval(*found))


def test_interval_of_a_difference_covers_it_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        a, b = (over_seeds(generator.normal(mean, spread, n).tolist()) for mean, spread, n in ((0, 1, 5), (1, 2, 8)))
        found = difference(a, b)
        covered += found.low <= 1 <= found.high
    assert 0.93 <= covered / 400 <= 0.995


def test_sides_of_a_cut_interval_count_each_for_itself() -> None:
    found = difference(Interval(0.9, 0.8, 1.0), Interval(0.5, 0.5, 0.8))
    assert found.low == pytest.approx(-0.4 - 0.1) and found.high == pytest.approx(-0.4 + (0.09 + 0.01) ** 0.5)
    assert difference(None, Interval(1, None, None)) is None


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
        ("[]", "its format is None; expected 1"),
        (broken("format", value=2), "its format is 2; expected 1"),
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
    good, older = tmp_path / "good", tmp_path / "older"
    for folder in (good, older):
        folder.mkdir()
    (good / "results.json").write_text(results(x=chapter()).as_json(), encoding="utf-8")
    (older / "report.json").write_text("{}")
    for words, message in (
        ([str(tmp_path / "none"), str(good)], "none: is no folder"),
        ([str(good), str(tmp_path)], "holds no results.json"),
        ([str(good), str(older)], "an older one: build it again"),
        ([str(good), str(good), "--out", str(tmp_path)], "is a folder; expected the name of an .html file"),
        ([str(good), str(good), "--out", str(tmp_path / "x.pdf")], "expected a name that ends in .html, found x.pdf"),
        ([str(good), str(good), "--out", str(good / "results.json" / "x.html")], "cannot be written"),
        ([str(good)], "Missing argument 'B'"),
    ):
        assert main(["compare", *words]) == 2
        said = capsys.readouterr()
        assert said.out == "" and said.err.count("\n") == 1 and message in said.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["good", "older"]


def test_damaged_notebook_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "results.json").write_text(results(x=chapter()).as_json(), encoding="utf-8")
    (tmp_path / "_sources" / "book").mkdir(parents=True)
    for content in ("{", "[]", '{"cells": 3}', '{"cells": [{"outputs": [{"data": []}]}]}'):
        (tmp_path / "_sources" / "book" / "x.ipynb").write_text(content)
        assert main(["compare", str(tmp_path), str(tmp_path), "--out", str(tmp_path / "o.html")]) == 2
        assert "x.ipynb: is no notebook" in capsys.readouterr().err
        assert not (tmp_path / "o.html").exists()


def test_narrow_encodings_lose_no_result(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = ShownVerdict(table="v", claim="At ε.", source="I", measured="+0.1", outcome="does not hold")
    for name, given in (("a", chapter()), ("b", chapter(verdicts=[verdict]))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "results.json").write_text(results(x=given).as_json(), encoding="utf-8")
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", narrow)
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    narrow.flush()
    assert b"At \\u03b5." in narrow.buffer.getvalue()

"""Two reports compared: what differs is found with its interval, and said in the terminal, as JSON and on a page."""

import re
from html.parser import HTMLParser

import pytest

from attack_commands import strict
from books import code, unrendered, write_book
from compared import chapter, results, stored, verdict
from mia_core.cli.main import main
from mia_core.measures.claims import CANNOT_TELL, NO_EFFECT
from mia_core.measures.intervals import Interval
from mia_core.report import build_report
from mia_core.report.compare.differences import compare
from mia_core.report.compare.page import as_page
from mia_core.report.compare.results import read_results

CELL = """\
import pandas as pd

from mia_core import glue, judge, show
from mia_core.display.figures import figure, show_slider
from mia_core.display.tables import difference, verdicts_table, with_interval
from mia_core.measures.claims import Claim

gain = 0.1 if epochs > 5 else -0.1
rows = [("none", seed, 0.5 + seed / 100) for seed in range(3)]
rows += [("dropout", seed, 0.5 + gain + seed / 90) for seed in range(3)]
table = pd.DataFrame([{"defenses": d, "seed": s, "attack": "adversary1", "auc": v} for d, s, v in rows])
verdict = judge(Claim("Dropout raises <it> at ε.", "I", "auc", "dropout", "none", "higher"), table)
show(verdicts_table([verdict], evidence="tab-verdicts"), name="verdicts", caption="Verdicts.")
auc = with_interval({"auc": 0.6 + gain, "auc_low": 0.5 + gain, "auc_high": 0.7 + gain}, "auc")
show(pd.DataFrame({"defenses": ["none"], "auc": [auc], "n": [3], "share": [0.5]}), name="all", caption="All.")
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
def reports(tmp_path_factory):
    """Two reports of one small book, in which a claim and a number turn with a setting; not rendered."""
    pytest.importorskip("papermill")
    top = tmp_path_factory.mktemp("reports")
    source = write_book(top / "source", {"chapter": ["# A chapter", code("epochs = 1", "parameters"), code(CELL)]})

    with pytest.MonkeyPatch.context() as patch, unrendered("_sources/book"):
        patch.setenv("MIA_CACHE", str(top / "store"))
        return tuple(build_report({"epochs": n}, top / f"epochs {n}", source=source) for n in (1, 9))


def test_report_carries_its_results_as_strict_json(reports):
    found = strict((reports[0] / "results.json").read_text(encoding="utf-8"))
    chapter = found["chapters"]["chapter"]
    assert found["parameters"] == {"epochs": 1} and chapter["title"] == "A chapter"
    assert chapter["settings"] == {"epochs": 1} and {"python", "torch", "mia_core"} <= set(chapter["versions"])
    assert chapter["glued"]["same"] == 0.25 and chapter["made"].endswith("UTC")
    assert chapter["glued"]["difference"] == chapter["verdicts"][0]["measured"]
    (verdict,) = chapter["verdicts"]
    assert verdict["claim"] == "Dropout raises <it> at ε." and verdict["outcome"] == "does not hold"
    assert verdict["measured"].items() >= {"value": -0.099, "seeds": 3}.items()
    auc = {"text": "0.500 [0.400, 0.600]", "value": 0.5, "low": 0.4, "high": 0.6}
    rows = [["none", auc, 3, {"text": "0.500", "value": 0.5}]]
    columns = ["defenses", "auc", "n", "share"]
    assert chapter["tables"] == {"all": {"caption": "All.", "columns": columns, "rows": rows}}
    assert chapter["figures"] == {"sweep": {"caption": "A sweep.", "alts": ["Low.", "High."]}}
    assert read_results(reports[0]).chapters["chapter"].verdicts[0].outcome == "does not hold"


def test_what_differs_is_found_and_nothing_between_a_report_and_itself(reports):
    same = compare(*map(read_results, (reports[0], reports[0])))
    assert not (same.settings or same.turns or same.shifts or same.only_a or same.only_b)
    assert same.same_verdicts == 1 and same.same_numbers == 6
    found = compare(*map(read_results, reports))
    assert [(c.what, c.a, c.b, c.chapters) for c in found.settings] == [("epochs", "1", "9", ("chapter",))]
    (turn,) = found.turns
    assert (turn.a.outcome, turn.b.outcome) == ("does not hold", "holds") and turn.difference.low > 0.19
    shifts = {(shift.where, shift.what): shift for shift in found.shifts}
    assert found.same_numbers == 3 and found.same_verdicts == 0
    cell = shifts["chapter, all", "none: auc"]
    assert cell.difference.mean == pytest.approx(0.2)
    assert cell.difference.low == pytest.approx(0.2 - 2**0.5 / 10) and cell.clear
    assert shifts["chapter", "difference"].clear


class Tags(HTMLParser):
    """Ids, and tags that are open at the end."""

    def __init__(self, page):
        super().__init__()
        self.ids, self.open, self.seen = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.ids += [value for name, value in attrs if name == "id"]
        self.seen.append(tag)
        if tag not in ("meta", "br", "img", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_command_prints_text_or_strict_json_and_writes_one_page(reports, tmp_path, capsys):
    out = tmp_path / "new" / "compared.html"
    assert main(["compare", *map(str, reports), "--out", str(out)]) == 1
    said = capsys.readouterr()
    assert said.err == f"mia: note: wrote {out}\n"
    for words in ("epochs: A 1, B 9", "A does not hold, -0.", "B holds, +0.", "* none: auc", "B - A +0.200 [+0.059"):
        assert words in said.out
    page = out.read_text(encoding="utf-8")
    tags = Tags(page)
    assert tags.open == [] and len(tags.ids) == len(set(tags.ids)) and "script" not in tags.seen
    assert tags.seen.count("svg") == 4, "two frames of each report"
    assert not re.search(r'(?:src|href)="(?!#)', page), "one file, and nothing else"
    assert "Dropout raises &lt;it&gt; at ε." in page and "<it>" not in page
    assert set(re.findall(r"url\(#([^)]*)\)", page)) <= set(tags.ids)
    assert "prefers-color-scheme: dark" in page and 'name="viewport"' in page
    assert main(["compare", *map(str, reports), "--json"]) == 1
    found = strict(capsys.readouterr().out)
    assert found["turns"][0]["b"]["outcome"] == "holds" and found["settings"][0]["what"] == "epochs"


def test_summary_takes_ten_lines_and_the_exit_status_says_whether_a_verdict_changed(reports, tmp_path, capsys):
    assert main(["compare", *map(str, reports), "--summary"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[2:] == [
        "Settings, data and versions that differ: epochs: A 1, B 9",
        "Verdicts: 1 changed, 0 unchanged.",
        "  chapter: does not hold -> holds: Dropout raises <it> at ε.",
        "Numbers: 3 differ, 3 of them clearly; 3 unchanged.",
    ]
    assert main(["compare", str(reports[0]), str(reports[0]), "--summary"]) == 0
    assert "that differ: none" in capsys.readouterr().out

    a, b = (stored(tmp_path / one, x=chapter(verdicts=[verdict(one, f"{i}.") for i in range(9)])) for one in "ab")
    assert main(["compare", a, b, "--summary"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10 and lines[-2:] == ["  and 5 more", "Numbers: 0 differ, 0 of them clearly; 12 unchanged."]


def test_what_only_one_report_has_is_said():
    one = results(x=chapter(), y=chapter())
    other = results(x=chapter(verdicts=[], glued={}, settings={"seeds": [0, 1], "k": 3}, data=None), z=chapter())
    found = compare(one, other)
    assert (found.only_a, found.only_b) == (("y",), ("z",))
    assert [(turn.a is None, turn.b is None) for turn in found.turns] == [(False, True)]
    changes = {("k", "-", "3"), ("data: name", "digits", "-"), ("data: fingerprint", "aa", "-")}
    assert {(c.what, c.a, c.b) for c in found.settings} == changes
    assert {shift.what for shift in found.shifts} == {"auc", "C."} and not any(s.clear for s in found.shifts)
    assert found.same_numbers == 2, "rows of one name are told apart"
    page = as_page(found, one, other, ("a", "<b>"), ({}, {}))
    assert "Only A has: y." in page and "&lt;b&gt;" in page and Tags(page).open == []
    # A claim that cannot be told any more has turned, and so has one whose effect is no longer material.
    for outcome in (CANNOT_TELL, NO_EFFECT):
        turned = results(x=chapter(verdicts=[verdict(outcome)]))
        found = compare(results(x=chapter()), turned)
        (turn,) = found.turns
        assert outcome in as_page(found, results(x=chapter()), turned, ("a", "b"), ({}, {}))
    assert turn.b.outcome == NO_EFFECT and turn.difference == Interval(0, None, None)

"""The front page and the README say what the recorded study says, with its numbers and its picture."""

import re
from pathlib import Path

import pytest

from mia_book import choosing_a_defense as choosing
from mia_core.base.errors import DataError
from mia_core.report import front
from mia_core.studies.early_stopping import AT_ACCURACY, held_against_stopping
from mia_core.studies.finding import LEAK, options, path
from mia_core.studies.recorded import recorded_parts
from mia_core.studies.reference_summary import by_unit

ROOT = Path(__file__).resolve().parents[2]
FRONT = (ROOT / "book" / "index.md").read_text(encoding="utf-8").partition("## What you will learn")[0]
GOOD_PRACTICE = "augmentation(pad=4,flip=True)+weight-decay"
README = " ".join((ROOT / "README.md").read_text(encoding="utf-8").partition("## Two commands")[0].split())


@pytest.fixture(scope="module")
def table():
    return recorded_parts(front.STUDY)[0]


@pytest.fixture(scope="module")
def rows(table):
    found = options(table)
    names = ["none", "stop", "cautious", *found["defenses"].iloc[3:]]
    return {name: row for name, (_, row) in zip(names, found.iterrows(), strict=True)}


def test_no_recorded_defense_beats_stopping_earlier(table):
    """'stopping earlier beat every defense of the report', and each lies above the line."""
    held = held_against_stopping(by_unit(table[table["examples"] == "pool"]), LEAK, [AT_ACCURACY])
    assert len(held) == 5 and {one.verdict for one in held} == {"less safe"}
    line = path(table).sort_values("target_accuracy")
    for _, row in options(table).query("defenses != 'none'").iterrows():
        safer = line[line["target_accuracy"] >= row["target_accuracy"] - 0.001]
        assert safer[LEAK].min() < row[f"{LEAK}_low"]


def test_sentences_of_the_front_page_are_those_of_the_record(rows):
    accuracy, leak = ({name: row[one] for name, row in rows.items()} for one in ("target_accuracy", LEAK))
    assert abs(accuracy["stop"] - accuracy["none"]) < 0.005 and leak["stop"] < leak["none"] / 3  # as accurate
    assert accuracy["smoothing"] < accuracy["none"] - 0.03 and rows["smoothing"][f"{LEAK}_low"] > leak["none"]
    assert leak["dropout"] < 0.06 and leak["cautious"] < leak["dropout"]  # makes it small, but so does the other
    assert accuracy["cautious"] > accuracy["dropout"] + 0.05  # which keeps far more accuracy
    assert rows["stop"]["canaries_low"] > 0.5  # stopping does not protect everyone
    assert "every defense of the report" in FRONT and "Stopping does not protect everyone" in FRONT


def test_good_practice_beats_the_stop_on_smaller_models():
    table, parts, _ = choosing.recorded_study(choosing.PHOTOGRAPHS)
    assert parts[0]["dataset"]["part"] == 2500 and "smaller models of the same pictures" in FRONT
    assert [answer.chosen for answer in choosing.answers(table, (0.01, 0.02))] == [GOOD_PRACTICE] * 2
    assert all("crops, mirror images and weight decay did:" in " ".join(text.split()) for text in (FRONT, README))


def test_every_number_of_the_front_page_is_computed_and_known():
    words = front.finding_words()
    asked = re.findall(r"\{mia-found\}`([\w-]+)`", FRONT)
    assert asked and set(asked) <= set(words)
    plain = re.sub(r"\{mia-found\}`[\w-]+`", "", FRONT)
    assert set(re.findall(r"\d[\d.]*%?", plain)) - {"1.", "2.", "3.", "4.", "2025"} <= {"0.01", "0.02"}


def test_readme_has_the_numbers_and_the_picture_of_the_record():
    words = front.finding_words()
    for said in (
        f"strongest of {words['attacks']} attacks", f"means over {words['pairs']} pairs",
        f"gives away {words['leak-none']} of its members",
        f"stopped at epoch {words['stop']} it is as accurate and gives away {words['leak-stop']}.",
        f"Label smoothing costs accuracy and gives away {words['leak-smoothing']}.",
        f"Dropout gives away {words['leak-dropout']} and costs {words['points-dropout']} points of accuracy; "
        f"stopping at epoch {words['cautious']} gives away {words['leak-cautious']} and costs "
        f"{words['points-cautious']}.",
    ):  # fmt: skip
        assert said in README
    _, alt = front.finding_plot()
    drawn = (ROOT / "docs" / "finding.svg").read_text(encoding="utf-8")
    assert alt in drawn, "docs/finding.svg shows other numbers than the record; draw it anew: python docs/finding.py"


def test_table_and_figure_are_labelled_as_recorded(monkeypatch, tmp_path):
    shown, drawn = front.finding_table(), front.finding_figure()
    assert 'id="tab-finding"' in shown and shown.count('<th scope="row">') == 6
    for text in ("recorded on CIFAR-10 (JPEG copy)", "no defense, trained to the end", "epoch 10 (recommended)",
                 "epoch 5 (cautious)", "negative smoothing"):  # fmt: skip
        assert text in shown
    assert 'id="fig-finding"' in drawn and "recorded" in drawn and "The recommended stop is epoch 10." in drawn
    monkeypatch.setenv("MIA_RESULTS", str(tmp_path))
    with pytest.raises(DataError, match="no recorded study"):
        front.finding_table("other")

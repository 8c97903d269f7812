"""`mia audit`: from saved outputs of any form to words, pages and scores that the next command reads."""

import importlib.util

import numpy as np
import pandas as pd
import pytest

from arrays import base
from attack_commands import refused, report_of, run
from mia_core.gate.columns import outputs_of_table, scores_of_table

QUICK = ("--permutations", "99")


@pytest.fixture
def table(tmp_path):
    """The target's counted outputs as a table with classes by name, and its path."""
    arrays = base("target")
    names = [f"digit {place}" for place in range(10)]
    frame = pd.DataFrame(arrays["posteriors"].astype(float), columns=[f"p_{name}" for name in names])
    frame = frame.assign(member=arrays["members"], label=np.array(names)[arrays["labels"]], town="a")
    frame.to_csv(path := tmp_path / "outputs.csv", index=False)
    return frame, path


def test_a_table_is_audited_like_arrays_and_its_scores_are_read_by_the_next_command(capsys, table, target, tmp_path):
    scores, page = tmp_path / "scores.csv", tmp_path / "audit.html"
    found, _ = report_of(capsys, "audit", table[1], *QUICK, "--scores", scores, "--out", page)
    known, _ = report_of(capsys, "audit", target, *QUICK)
    assert found["notes"] == ["ignored columns: town"]
    assert [one["auc"] for one in found["attacks"]] == pytest.approx([one["auc"] for one in known["attacks"]], abs=1e-6)
    assert "Membership inference audit of outputs.csv" in page.read_text(encoding="utf-8")

    rows = pd.read_csv(scores)
    assert list(rows.columns[:2]) == ["row", "member"] and list(rows.columns[-2:]) == ["rank", "found"]
    best = next(one for one in found["attacks"] if one["attack"] == found["best_at_low_fpr"])
    assert rows["found"].sum() == best["found"][0]["true_positives"] and rows.columns[2] == best["attack"]
    sets, members, judged = scores_of_table(scores)
    assert len(sets) == len(found["attacks"]) and members.sum() == 1000 and judged is None
    measured, _ = report_of(capsys, "measure", "--scores", scores, "--replicates", 20)
    assert measured["attacks"][0]["auc"] == pytest.approx(best["auc"])


def test_five_lines_come_first_and_the_table_on_request(capsys, target):
    short, long = (run(capsys, "audit", target, *QUICK, *more)[1].splitlines() for more in ((), ("--long",)))
    words = [line[:12].strip() for line in short]
    assert words[:5] == ["answer", "best", "found", "epsilon", "not tested"] and set(words[5:]) <= {"note"}
    assert long[: len(short)] == short and any(line.startswith("attack ") for line in long)


def test_where_nobody_is_called_a_member_no_accusation_is_counted(capsys, files, tmp_path):
    members, labels = np.repeat([True, False], 300), np.arange(600) % 2
    path = files("labels", {"posteriors": np.eye(2)[labels], "members": members, "labels": labels})
    page = tmp_path / "a.html"
    found, _ = report_of(capsys, "audit", path, *QUICK, "--out", page)
    assert {row["precision"] for row in found["precision"]} == {None}
    text = page.read_text(encoding="utf-8")
    assert "Nobody is called a member at 1% FPR" in text and "accusations that are right" not in text


def test_what_is_no_audit_is_one_line(capsys, table, target, tmp_path):
    frame, path = table
    assert ".html, .pdf, .json" in refused(capsys, "audit", target, *QUICK, "--out", tmp_path / "audit.doc")
    assert "mia audit" in refused(capsys, "attack", "--target", target)
    assert "mia_core.audit" in refused(capsys, "attack", "--shadow", target, "--target", target, "--attack", "lira")
    for change, telling in (
        ({"label": "digit 11"}, "found digit 11; expected one of digit 0"),
        ({"member": 2}, "member"),
        ({"p_digit 3": np.nan}, "NaN|nan|finite"),
    ):
        frame.assign(**change).to_csv(path, index=False)
        line = refused(capsys, "audit", path)
        assert any(word in line for word in telling.split("|")) and "outputs.csv" in line
    frame.drop(columns="member").to_csv(path, index=False)
    assert "expected member, and p_NAME or logit_NAME" in refused(capsys, "audit", path)
    path.write_bytes(b"")
    assert "outputs.csv: cannot be read" in refused(capsys, "audit", path)


def test_logits_and_places_of_classes_are_read_from_a_table(tmp_path):
    frame = pd.DataFrame(
        {"logit_no": [1.0, -2, 3], "logit_yes": [0.0, 5, 1], "members": [1, 0, 1], "labels": [0, 1, 0]}
    )
    frame.to_csv(path := tmp_path / "o.csv", index=False)
    outputs = outputs_of_table(path)
    assert outputs.logits.tolist() == frame[["logit_no", "logit_yes"]].to_numpy().tolist()
    assert outputs.labels.tolist() == [0, 1, 0] and outputs.members.tolist() == [True, False, True]


def test_parquet_is_read_where_there_is_a_reader(capsys, table, tmp_path):
    frame, path = table
    if importlib.util.find_spec("pyarrow") is None:
        (other := tmp_path / "o.parquet").write_bytes(b"PAR1")
        assert "needs pyarrow" in refused(capsys, "audit", other)
    else:
        frame.to_parquet(other := tmp_path / "o.parquet")
        np.testing.assert_array_equal(outputs_of_table(other).posteriors, outputs_of_table(path).posteriors)

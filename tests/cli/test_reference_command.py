"""`mia references`: its table, its provenance, its text, and its errors in one line."""

import csv
import json

import pytest

from attack_commands import refused, strict
from mia_core.cli.main import main
from mia_core.studies.columns import REFERENCE_COLUMNS
from mia_core.studies.privacy import PRIVACY_COLUMNS

TINY = ["references", "--models", "4", "--defenses", "none", "--epochs", "2", "--part", "30", "--jobs", "1"]
TINY += ["-p", "size=12", "-p", "network=mlp", "-p", "hidden_units=8", "-p", "record=1", "-p", "population=50"]


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIA_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def test_the_table_goes_to_a_file_with_its_provenance_and_a_summary_to_the_screen(tmp_path, capsys):
    out = tmp_path / "table.csv"
    assert main([*TINY, "--canaries", "2", "--attack", "lira", "--attack", "loss", "--out", str(out)]) == 0
    shown = capsys.readouterr()
    assert "Strongest attack, means over 2 pairs of models with 95% intervals (2 references each)" in shown.out
    assert "not measurable" in shown.out and "mia: warning: canaries: 2 are 3.3%" in shown.err
    with open(out, newline="") as file:
        lines = list(csv.DictReader(file))
    assert set(lines[0]) == set(REFERENCE_COLUMNS)
    assert len(lines) == 2 * 2 * 2 * (4 + 1)  # epochs, attacks, kinds of examples, targets and all of them
    made = json.loads(out.with_suffix(".provenance.json").read_text())
    assert made["reference_models"] == {"pool": 60, "population": 50, "canaries": 2}
    assert made["settings"]["canaries"] == 2 and made["dataset"]["part"] == 30


def test_bounds_on_epsilon_go_to_a_file_with_provenance(tmp_path, capsys):
    out = tmp_path / "epsilon.csv"
    assert main([*TINY, "--canaries", "6", "--attack", "loss", "--epsilon", str(out)]) == 0
    with open(out, newline="") as file:
        lines = list(csv.DictReader(file))
    assert set(lines[0]) == set(PRIVACY_COLUMNS) and {line["target"] for line in lines} >= {"0", "all"}
    assert {line["alpha"] for line in lines} == {"0.050000"} and all(float(line["epsilon"]) >= 0 for line in lines)
    made = json.loads(out.with_suffix(".provenance.json").read_text())
    assert made["reference_models"]["canaries"] == 6 and made["settings"]["confidence"] == 0.95
    assert f"mia: note: wrote {out}" in capsys.readouterr().err


def test_json_is_strict_and_trains_nothing_twice(capsys):
    asked = [*TINY, "--attack", "t-lira", "--json"]
    assert main(asked) == 0
    found = strict(capsys.readouterr().out)
    assert len(found) == 2 * (4 + 1) and found[0]["tpr_at_fpr_0.01"] is None
    assert main(asked) == 0
    assert json.loads(capsys.readouterr().out) == found


@pytest.mark.parametrize(("more", "message"), [
    (["--models", "5"], "models: expected an even number, found 5"),
    (["--attack", "lirra"], "attacks: unknown attack lirra; did you mean lira"),
    (["--attack", "rapid"], "attacks: rapid needs a shadow and two references for it, at least 4 references"),
    (["--references", "4"], "references: expected an even number from 2 to 2, found 4"),
    (["--part", "900"], "part: a pool of two halves of 900 needs 1,800 examples, found 1,797"),
    (["--canaries", "many"], "canaries: expected a number, found 'many'"),
    (["--epsilon", "epsilon.csv"], "canaries: bounds on epsilon need some, found 0"),
    (["--epsilon", "e.csv", "-p", "confidence=0.4"], "alpha: expected a number between 0 and 0.5"),
    (["--out", "e.csv", "--epsilon", "./e.csv"], "epsilon: expected another file than --out, found ./e.csv for both"),
    (["--out", "table.txt"], "out: expected a name that ends in .csv, found table.txt"),
])  # fmt: skip
def test_a_mistake_is_one_line_and_status_2(more, message, capsys):
    assert message in refused(capsys, *TINY, *more)

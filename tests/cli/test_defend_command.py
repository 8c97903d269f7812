"""`mia defend`: its answer in a few lines, resumed without training, and its errors in one line."""

import pandas as pd
import pytest

from attack_commands import refused, strict
from mia_core.cli.main import main

TINY = ["defend", "--models", "4", "--epochs", "4", "--part", "100", "--jobs", "1", "--defenses", "dropout,label-only"]
TINY += ["-p", "size=12", "-p", "network=mlp", "-p", "hidden_units=8", "-p", "attacks=loss,gap", "-p", "population=50"]


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIA_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def test_the_answer_is_a_few_lines_and_a_second_call_trains_nothing(tmp_path, capsys, monkeypatch):
    out = tmp_path / "found.csv"
    assert main([*TINY, "--spend", "0.05", "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert "To spend: 0.05 of accuracy" in text and "Answer: " in text and text.isascii()
    lines = text.splitlines()
    assert sum(line.startswith(("dropout ", "label-only ", "stop at epoch ")) for line in lines) == 3
    assert "rate 0.5" in text and "TPR at 1% FPR" in text and "1.0x" in text
    assert out.is_file() and out.with_suffix(".provenance.json").is_file()
    table = pd.read_csv(out)
    assert set(table.loc[table["defenses"] == "none", "epochs"]) == {1, 2, 3, 4}  # 3 is none of the recipe's own
    monkeypatch.setattr("mia_core.model.train.train", None)
    assert main([*TINY, "--spend", "0.05", "--json"]) == 0
    found = strict(capsys.readouterr().out)
    assert found["choices"][0]["defenses"] == "none" and f"Answer: {found['answer']}." in text
    assert {row["defenses"] for row in found["choices"]} == {"none", "dropout", "label-only"}


def test_a_search_judges_strengths_that_it_found_on_another_split(capsys, monkeypatch):
    pytest.importorskip("optuna", reason="no Optuna: pip install 'mia-core[search]'")
    assert main([*TINY, "--search", "2"]) == 0
    text, said = capsys.readouterr()
    assert said.count("tried dropout") == 2 and "label-only" in text
    tried = dict(line.split("tried ")[1].split(": accuracy ") for line in said.splitlines() if "tried" in line)
    judged = [line.split()[0] for line in text.splitlines() if line.startswith("dropout")]
    assert len(judged) == 1 and judged[0] in tried
    monkeypatch.setattr("mia_core.model.train.train", None)  # the same trials again, whose models are kept
    assert main([*TINY, "--search", "2"]) == 0
    assert capsys.readouterr().out == text


def test_without_optuna_nothing_is_trained_and_one_line_says_how_to_get_it(capsys, monkeypatch):
    monkeypatch.setattr("mia_core.studies.searching.find_spec", lambda name: None)
    monkeypatch.setattr("mia_core.model.train.train", None)
    told = refused(capsys, *TINY, "--seed", "3", "--search", "2")
    assert "search: needs Optuna: pip install 'mia-core[search]'" in told


@pytest.mark.parametrize(("more", "message"), [
    (["--search", "1", "--defenses", "dropout,mixup"], "search: expected a trial or more of each of 2 defenses"),
    (["--search", "2", "--grid"], "--grid and --search exclude each other"), (["--search", "-1"], "--search"),
    (["--spend", "2"], "spend: expected a share of accuracy from 0 to below 1"), (["--spend", "much"], "--spend"),
    (["--defenses", "dropot"], "did you mean dropout"), (["--epochs", "1"], "epochs: expected two recorded epochs"),
    (["--models", "5"], "models: expected an even number"), (["--out", "x.txt"], ".csv"),
])  # fmt: skip
def test_bad_input_is_one_line(capsys, more, message):
    assert message in refused(capsys, *TINY, *more)

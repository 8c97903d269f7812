"""Front page and back matter agree with what they speak of, and a table on firmness with its verdicts."""

import json
import re
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from mia_book import stability
from mia_core.attacks import ATTACKS
from mia_core.base.errors import DataError
from mia_core.data.dataset import Dataset
from mia_core.measures.claims import Claim
from mia_core.references import REFERENCE_ATTACKS
from mia_core.report.front import recorded_tradeoff
from mia_core.report.sources import chapter_name, open_book
from mia_core.store.runs import Store
from mia_core.studies.settings import StudySettings
from mia_core.studies.study import ATTACK_MEASURES, MODEL_MEASURES, Study

ROOT = Path(__file__).resolve().parents[2]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
BIBLIOGRAPHY = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
CLAIM = Claim("A lowers it.", "here", "attack_accuracy", "a", "none", "lower")


def page(name: str) -> str:
    return (ROOT / "book" / f"{name}.md").read_text(encoding="utf-8")


def test_changelog_begins_with_this_version() -> None:
    assert re.search(r"^## (\S+)", page("changelog"), re.MULTILINE)[1] == VERSION


def test_citations_are_those_of_the_citation_file() -> None:
    citation, text = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8")), page("how-to-cite")
    assert f"version = {{{VERSION}}}" in text
    one_line = re.sub(r"[{}\\]", "", " ".join(text.split()))
    for title in (citation["title"], *(reference["title"] for reference in citation["references"])):
        assert title in one_line
    for key in re.findall(r"^@\w+\{(\w+),", text, re.MULTILINE)[1:]:
        assert f"{{{key}," in BIBLIOGRAPHY


def test_the_years_agree() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["preferred-citation"]
    own = page("how-to-cite").partition("@software")[2].partition("@")[0]
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    assert f"year    = {{{citation['year']}}}" in own and config["copyright"] == str(citation["year"])
    assert citation["title"] == yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["title"]


def test_every_attack_has_its_source_in_the_bibliography() -> None:
    known = {re.sub(r"[\\{}\"]", "", line) for line in re.findall(r"author += \{(\S+),", BIBLIOGRAPHY)}
    for record in (*ATTACKS.values(), *REFERENCE_ATTACKS.values()):
        source = record.source
        assert source == "this book" or source.split()[0].replace("ä", "a") in known, source


def test_front_page_names_every_page_once_and_the_api_its_own() -> None:
    book = open_book()
    order = [chapter_name(name) for name in book.pages]
    linked = re.findall(r"\[\]\(([\w-]+)\.(?:ipynb|md)\)", page("index").partition("## The chapters")[2])
    subjects = re.findall(r"\]\((api-[\w-]+)\.md\)", page("api"))
    assert linked == sorted(linked, key=order.index)
    assert subjects == sorted(subjects, key=order.index)
    assert set(linked) | set(subjects) == set(order[1:])
    assert not set(linked) & set(subjects)


def write_recorded(folder: Path) -> None:
    rows = [
        {"dataset": "toy", "defenses": name, "seed": seed, "attack": "adversary1"}
        | {measure: 0.5 + 0.1 * place + 0.01 * seed for measure in (*MODEL_MEASURES, *ATTACK_MEASURES)}
        for place, name in enumerate(("none", "dropout"))
        for seed in range(3)
    ]
    pd.DataFrame(rows).to_csv(folder / "toy.csv", index=False)
    made = {"settings": {"epochs": 7, "seeds": [0, 1, 2], "confidence": 0.95}, "models_made": {"last": "2025-01-31T12"}}
    (folder / "toy.provenance.json").write_text(json.dumps(made))


def test_front_picture_is_of_the_recorded_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIA_RESULTS", str(tmp_path))
    write_recorded(tmp_path)
    shown = recorded_tradeoff("toy")
    assert 'id="fig-front"' in shown and "none 0.51 / 0.51, dropout 0.61 / 0.61" in shown
    assert "on toy, 7 epochs, 3 seeds with 95% intervals, recorded 2025-01-31" in shown and "Ring" not in shown
    with pytest.raises(DataError, match="no recorded study"):
        recorded_tradeoff("other")


def test_front_picture_explains_its_rings_and_names_its_data() -> None:
    shown = recorded_tradeoff("cifar10-jpeg")
    assert "on CIFAR-10 (JPEG copy), " in shown and "Rings with another mark inside" in shown
    assert "is guessing. Ring: another mark lies inside it." in shown


def table(differences: list[float]) -> pd.DataFrame:
    rows = [{"defenses": "none", "seed": seed, "attack_accuracy": 0.8} for seed in range(len(differences))]
    rows += [{"defenses": "a", "seed": seed, "attack_accuracy": 0.8 + d} for seed, d in enumerate(differences)]
    return pd.DataFrame(rows).assign(attack="adversary1")


@pytest.mark.parametrize(
    ("differences", "verdict", "words"),
    [
        ([-0.20, -0.21, -0.19, -0.20], "holds", "the same"),
        ([-0.20, -0.21, -0.19, 0.00], "cannot be told", "another in 1 of 4"),
        ([-0.20], "cannot be told", "only one seed"),
    ],
)
def test_firm_verdicts_hang_on_no_seed(differences: list[float], verdict: str, words: str) -> None:
    row = stability.without_one_seed([CLAIM], table(differences)).iloc[0]
    assert (row["verdict"], row["without any one seed"]) == (verdict, words)


@pytest.mark.filterwarnings("ignore::mia_core.base.errors.MiaWarning")
def test_nudge_trains_the_first_seed_again(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (80, 1, 8, 8)).astype(np.uint8)
    data = Dataset("toy", images, (np.arange(80) % 2).astype(np.int64), ("a", "b"), 80)
    own = {"seeds": 2, "epochs": 2, "record": [2], "batch_size": 20, "precision": "float32", "device": "cpu"}
    settings = StudySettings(**own, network="mlp", hidden_units=4, defenses=["none"])
    study = Study(settings, Store(tmp_path), data).train(jobs=1)
    before = len(list(tmp_path.iterdir()))
    found = stability.after_a_nudge(study, ["attack_accuracy", "auc"]).set_index("measure")
    assert len(list(tmp_path.iterdir())) == before + 2, "a target and a shadow, no more"
    assert found.loc["AUC", "once"] == study.table()["auc"][0]
    assert found["change"].abs().max() < 0.2
    assert (found["± over seeds"] >= 0).all()

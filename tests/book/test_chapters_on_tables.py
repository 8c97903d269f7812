"""What chapters do with a table where they speak of images, and the row of each tabular data set."""

import numpy as np
import pandas as pd

from mia_book import adversaries, tabular_sets, who_is_at_risk
from mia_book.by_hand import of_images
from mia_book.how_this_book_was_run import data_table
from mia_core.store.runs import Store
from mia_core.studies.reference_study import ReferenceStudy
from mia_core.studies.settings import ReferenceSettings, StudySettings
from mia_core.studies.study import Study


def test_the_network_by_hand_is_that_of_digits_and_the_page_says_so(tmp_path, capsys) -> None:
    wine = Study(StudySettings(dataset="wine", seeds=1, part=40), Store(tmp_path))
    other = of_images(wine)
    assert (other.dataset.name, other.recipe.network, other.store) == ("digits", "cnn", wine.store)
    assert capsys.readouterr().out.startswith("wine is a table, and this network takes images")
    assert of_images(other) is other and capsys.readouterr().out == ""
    assert data_table(wine).set_index("data").loc["table", "value"] == "13 columns"


def test_attackers_of_a_table_have_other_networks_that_can_take_it() -> None:
    settings = StudySettings(dataset="wine")
    assert adversaries.other_network(settings).hidden_units == 64
    both = adversaries.other_both(settings)
    assert (both.dataset, both.network, both.part) == ("digits", "cnn", None)


def test_numbers_of_questions_are_those_of_a_table(tmp_path) -> None:
    own = {"seeds": 1, "epochs": 1, "part": 40, "hidden_units": 4, "device": "cpu", "replicates": 0}
    study = Study(StudySettings(dataset="wine", defenses="none", **own), Store(tmp_path)).train()
    copies = adversaries.by_copies(study, (1, 2))
    assert list(copies["attack"].unique()) == ["2 questions", "3 questions"] and copies["auc"].notna().all()


def test_rows_at_risk_are_drawn_as_lines(tmp_path) -> None:
    settings = ReferenceSettings(dataset="wine", models=4, canaries=1, defenses="none")
    study = ReferenceStudy(settings, Store(tmp_path))
    risk = pd.DataFrame({"row": study.pool[:4], "label": 0, "canary": False, "targets": 2, "found": [1, 0.5, 0, 0]})
    fig, alt = who_is_at_risk.images_at_risk(study, risk, 2)
    assert alt.startswith("Rows of a table with their label") and "class_0 (2 of 2)" in alt
    (line,) = fig.axes[0].lines
    assert len(line.get_ydata()) == 13 and np.abs(line.get_ydata()).max() <= 4


def test_a_tabular_data_set_has_its_row_where_its_file_is(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MIA_DATA", str(tmp_path))
    monkeypatch.setenv("MIA_CACHE", str(tmp_path / "cache"))
    features = np.random.default_rng(0).random((120, 30)) < 0.5
    np.savez(tmp_path / "purchase100.npz", features=features, labels=np.arange(120) % 6)
    (tmp_path / "adult.csv").write_text("age\n")
    found = tabular_sets.attacked(epochs=1, hidden_units=4, device="cpu").set_index("data set")
    assert 0 <= float(found.loc["Purchase100", "AUC"]) <= 1 and "0.702" in found.loc["Purchase100", "published"]
    assert found.loc["Texas100", "target accuracy"] == "not here: no texas100.npz in MIA_DATA"
    assert found.loc["Adult", "target accuracy"].startswith("not usable: ")
    assert str(tmp_path) not in found.to_string()
    monkeypatch.delenv("MIA_DATA")
    assert all(tabular_sets.attacked()["target accuracy"].str.startswith("not here"))

"""What the book rests on: two studies by setting and model, and the recorded ones by their provenance."""

import pandas as pd
import pytest

from mia_book import how_this_book_was_run, reference_models
from mia_book.what_goes_in import columns_reference
from mia_core.store.identity import identity
from mia_core.store.runs import Store
from mia_core.studies.columns import REFERENCE_COLUMNS
from mia_core.studies.privacy import PRIVACY_COLUMNS
from mia_core.studies.recorded import write_recorded
from mia_core.studies.reference_study import ReferenceStudy
from mia_core.studies.settings import StudySettings
from mia_core.studies.study import Study
from references_made import DATA, SETTINGS, made_study

# The made study has more canaries than is advised.
pytestmark = pytest.mark.filterwarnings("ignore::mia_core.base.errors.MiaWarning")


def test_models_are_counted_from_the_store_and_none_is_trained(tmp_path) -> None:
    made = made_study(tmp_path, record=(), defenses="none,masking,smoothing(epsilon=-0.1)")
    settings = made.settings.replace(defenses="none,masking,smoothing(epsilon=-0.1),dropout")
    more = ReferenceStudy(settings, made.store, DATA)
    found = how_this_book_was_run.models_table(more).set_index("trained with")
    assert found["models"].to_dict() == {"none": 6, "smoothing (ε = −0.1)": 6, "dropout": 0}
    assert found.loc["none", ["first trained", "seconds a model"]].tolist() == ["2026-01-01 UTC", "1.0 to 1.0"]
    assert found.loc["dropout", ["last trained", "seconds a model"]].tolist() == ["not yet", ""]


def test_of_two_studies_only_what_differs_is_listed(tmp_path) -> None:
    others = ReferenceStudy(SETTINGS, Store(tmp_path), DATA)
    recipe = SETTINGS.model_dump(include={"epochs", "batch_size", "precision", "device"})
    plain = Study(StudySettings(**recipe, seeds=2, part=40), Store(tmp_path), DATA)
    found = how_this_book_was_run.settings_table(others, plain).set_index("setting")["value"]
    assert found["models"] == "6" and found["part"] == "120" and found["design"] == "pairs"
    assert not {"epochs", "batch_size", "dataset", "defenses", "attacks"} & set(found.index)


def test_a_study_that_is_planned_has_the_canaries_of_the_shared_one(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIA_CACHE", str(tmp_path))
    monkeypatch.setattr(ReferenceStudy, "train", lambda self: self)
    own = {"models": 4, "canaries": 20, "part": 30}
    planned, shared = reference_models.planned_study(**own), reference_models.shared_study(**own)
    assert planned.canaries.sum() == 6 and shared.epochs(()) == [shared.recipe.epochs]
    assert planned.dataset.fingerprint == shared.dataset.fingerprint
    assert identity(planned.dataset, planned.job(1, ())) == identity(shared.dataset, shared.job(1, ()))


def test_recorded_studies_are_listed_by_their_provenance(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIA_RESULTS", str(tmp_path))
    assert how_this_book_was_run.recorded_table().empty and "file" in how_this_book_was_run.recorded_table()
    machine = {"cores": "2", "instructions": "avx2 avx512f", "processor": "AMD EPYC"}
    about = {"models_made": {"first": "2026-01-02T03", "last": "2026-01-03T04"}, "machines": [machine]}
    seeds = {"settings": {"seeds": [0, 1], "defenses": ["none", "dropout"]}, "recipe_used": {"precision": "float32"}}
    models = {"settings": {"models": 18, "defenses": ["smoothing(epsilon=-0.1)"]}}
    files = {"a": about | seeds, "b": about | models, "c": {"made": "2026-02-03T04:05"}}
    for name, found in files.items():
        write_recorded(tmp_path / f"{name}.csv", pd.DataFrame({"x": [1]}), found)
    where = "AMD EPYC, 2 cores, avx512f"
    assert how_this_book_was_run.recorded_table().to_numpy().tolist() == [
        ["a.csv", "2 seeds", "none, dropout", "2026-01-02 to 2026-01-03", "float32", where],
        ["b.csv", "18 models", "smoothing (ε = −0.1)", "2026-01-02 to 2026-01-03", "", where],
        ["c.csv", "trains nothing", "", "2026-02-03", "", ""],
    ]


@pytest.mark.parametrize("columns", [REFERENCE_COLUMNS, PRIVACY_COLUMNS])
def test_columns_of_the_other_tables_have_meanings(columns: dict) -> None:
    found = columns_reference(columns)
    assert found["column"].tolist() == list(columns) and (found["meaning"].str.len() > 3).all()

"""A stored run is found by what shaped it: data, recipe, defenses, seed, and the code that was used and no other."""

from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import mia_core
from mia_core.base.errors import ArrayError
from mia_core.defenses import combination
from mia_core.store import identity as module
from mia_core.store.identity import code_fingerprint, identity
from mia_core.store.runs import Store
from small import RECIPE, half_job, tiny_dataset

DATA = tiny_dataset()
TWO = RECIPE.replace(epochs=2, record=(1,))


def key(recipe=TWO, defenses="none", seed=(0, 0), data=DATA, **other):
    return identity(data, half_job(data, recipe, defenses, seed)._replace(**other))


@pytest.mark.parametrize(
    ("defenses", "name"),
    [("none", "none-seed3-model1-epochs3-8c1efed6e7bc"),
     ("dropout+smoothing(epsilon=0.2)+masking", "dropout-0.5+smoothing-0.2-seed3-model1-epochs3-f10ccc778419")],
)  # fmt: skip
def test_known_identities_keep_their_file_names(tmp_path, monkeypatch, defenses, name):
    # Stored runs would be trained again if they were called otherwise. The code that shapes weights may change.
    monkeypatch.setattr(module, "code_fingerprint", lambda *given: "0" * 16)
    assert Store(tmp_path).path(key(RECIPE, defenses, (3, 1))).name == f"tiny-cnn-{name}.npz"


@pytest.mark.parametrize(
    "other",
    [
        *({"recipe": TWO.replace(**{name: value})} for name, value in [
            ("epochs", 1), ("learning_rate", 0.002), ("threads", 2), ("precision", "bfloat16")]),
        {"defenses": "dropout"}, {"defenses": "smoothing(epsilon=0.2)"}, {"seed": (1, 0)}, {"seed": (0, 1)},
        {"data": tiny_dataset(seed=1)}, {"members": ~half_job(DATA).members},
    ],
)  # fmt: skip
def test_whatever_shapes_the_weights_makes_another_run(tmp_path, other):
    assert Store(tmp_path).path(key(**other)) != Store(tmp_path).path(key())


def test_members_that_are_numbers_of_rows_are_refused():
    with pytest.raises(ArrayError, match=r"members, counted: found int64 \(3,\); expected true or false"):
        key(members=np.array([0, 5, 9]))


def test_what_is_recorded_on_the_way_the_output_stage_and_the_folder_do_not(tmp_path):
    assert key(defenses="smoothing+masking(k=1)+clipping") == key(defenses="smoothing")
    assert key(recipe=TWO.replace(record=())) == key()
    assert Store(tmp_path / "a").path(key()).name == Store(tmp_path / "b").path(key()).name


GREY, COLOUR = (1, 16, 16), (3, 32, 32)
CASES = {
    "digits": (RECIPE, "none", GREY),
    "dropout": (RECIPE, "dropout", GREY),
    "colour": (RECIPE, "none", COLOUR),
    "mlp": (RECIPE.replace(network="mlp"), "none", GREY),
    "table": (RECIPE.replace(network="mlp"), "none", (30,)),
    "textbook": (RECIPE, "pruning", GREY),
    "cuda": (RECIPE.replace(device="cuda"), "none", COLOUR),
}
CNN = {"digits", "dropout", "colour", "cuda", "textbook"}
FAST = set(CASES) - {"textbook"}
MEANING = cache(module._meaning)  # most files are hashed again and again


def fingerprints():
    module._hash.cache_clear()
    return {name: code_fingerprint(recipe, combination(d), shape) for name, (recipe, d, shape) in CASES.items()}


@pytest.mark.parametrize(
    ("edited", "retrained"),
    [
        *((f"model/{name}.py", set(CASES)) for name in ("train", "step", "network", "build")),
        ("model/cnn.py", CNN),
        ("model/mlp.py", {"mlp", "table"}),
        ("model/columns.py", {"table"}),
        ("defenses/base.py", {"dropout", "textbook"}),
        ("defenses/dropout/__init__.py", {"dropout"}),
        ("defenses/dropout/layer.py", {"dropout"}),
        ("defenses/smoothing.py", set()),
        ("fast/step.py", FAST),
        ("fast/optimiser.py", FAST),
        ("fast/stacked.py", {"cuda"}),
        *((f"fast/block/{name}.py", CNN - {"cuda", "textbook"}) for name in ("__init__", "pixels", "winograd")),
        ("fast/block/grey.py", {"digits", "dropout"}),
        ("fast/block/matrix_unit.py", set()),
        ("store/runs.py", set()),
    ],
)
def test_the_code_that_was_used_makes_new_runs_and_no_other(edited, retrained, monkeypatch, tmp_path):
    file = Path(mia_core.__file__).parent / edited
    if edited.startswith("fast"):
        pytest.importorskip("mia_core.fast")
    if "block" in edited:
        pytest.importorskip("numba")
    monkeypatch.setattr(module, "_meaning", MEANING)
    before, spec = fingerprints(), module.find_spec
    copy = tmp_path / "edited.py"

    def of_module(name):
        found = spec(name)
        if Path(found.origin) != file:
            return found
        return SimpleNamespace(origin=copy, submodule_search_locations=found.submodule_search_locations)

    monkeypatch.setattr(module, "find_spec", of_module)
    for change, expected in (("\n\nCHANGED = 1\n", retrained), ("\n# a remark\n", set())):
        copy.write_text(file.read_text(encoding="utf-8") + change, encoding="utf-8")
        after = fingerprints()
        assert {name for name in CASES if after[name] != before[name]} == expected, change
    module._hash.cache_clear()

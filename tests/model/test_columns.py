"""How a model standardises a table: known values by hand, and that other rows than its members do not matter."""

import numpy as np
import pytest
import torch

from mia_core.base.errors import SettingsError
from mia_core.data.dataset import Dataset
from mia_core.model.build import build_network
from mia_core.model.columns import of_columns
from mia_core.model.train import train
from small import RECIPE, half_job

NAN = np.nan
TABLE = np.float32([  # numbers; one constant, two-valued and unknown among the members; one all missing there
    [1, 5, 0, 0, NAN, 1e8 + 8], [3, 5, 1, 0, NAN, 1e8 + 24], [NAN, 5, 1, 0, NAN, 1e8 + 8], [900, 7, 1, 1, 4, 0],
])  # fmt: skip
MEMBERS = np.array([True, True, True, False])


def test_columns_are_those_of_the_members():
    mean, scale = of_columns(TABLE, MEMBERS)
    assert mean.dtype == scale.dtype == np.float32
    assert mean.tolist() == [2, 5, 0, 0, 0, np.float32(1e8 + 40 / 3)]
    assert scale[:5].tolist() == [1, np.inf, 1, np.inf, np.inf]
    assert scale[5] == pytest.approx(np.std([8.0, 24.0, 8.0]), rel=1e-6)  # and not what rounding leaves of 1e16
    network = build_network("mlp", mean, scale, 2, 3, (), (0, 0), torch.device("cpu"))
    rows = network.standardised(torch.tensor(TABLE))[:, :5]
    assert rows.tolist() == [[-1, 0, 0, 0, 0], [1, 0, 1, 0, 0], [0, 0, 1, 0, 0], [898, 0, 1, 0, 0]]


def made(table) -> Dataset:
    labels = np.arange(len(table)) % 3
    return Dataset("made", np.asarray(table, np.float32), labels, ("a", "b", "c"), len(table), missing=True)


def test_what_other_rows_hold_changes_no_weight():
    random = np.random.default_rng(0)
    table = random.normal(size=(60, 4)) * [1, 1e-6, 1e6, 1]
    table[:, 3] = table[:, 3] > 0
    table[::7, 0] = np.nan
    other = table.copy()
    other[1::2] = 1e4 * random.normal(size=(30, 4))  # members are the even rows
    recipe = RECIPE.replace(network="mlp")
    first, second = (list(train(made(one), half_job(made(one), recipe)))[-1] for one in (table, other))
    for name, weights in first.weights.items():
        assert np.isfinite(weights).all() and np.array_equal(weights, second.weights[name]), name
    assert np.array_equal(first.logits[::2], second.logits[::2]) and np.isfinite(second.logits).all()


def test_the_cnn_says_that_it_needs_images():
    data = made(np.zeros((60, 4)))
    with pytest.raises(SettingsError, match=r"^network: cnn needs images, found a table of 4 columns; choose mlp"):
        next(train(data, half_job(data, RECIPE)))

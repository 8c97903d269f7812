"""The target networks: parameter counts, shapes, initialisation, standardisation."""

import numpy as np
import pytest
import torch

from mia_core.base.errors import SettingsError
from mia_core.defenses import combination
from mia_core.defenses.dropout.layer import Drop
from mia_core.model.build import build_network
from mia_core.model.network import standardisation


def network(shape=(3, 32, 32), name="cnn", defenses="none", seeds=(1, 2), classes=10):
    mean, scale = np.full(shape, 100, np.float32), np.full(shape, 50, np.float32)
    return build_network(name, mean, scale, classes, 128, combination(defenses), seeds, torch.device("cpu"))


@pytest.mark.parametrize("defenses", ["none", "dropout"])
def test_the_cnn_has_the_reports_parameter_count(defenses):
    assert sum(p.numel() for p in network(defenses=defenses).parameters()) == 176_938


@pytest.mark.parametrize("shape", [(1, 12, 12), (3, 13, 17), (1, 16, 16), (3, 28, 28), (2, 12, 64)])
def test_the_cnn_takes_any_image_of_at_least_twelve(shape):
    assert network(shape)(torch.zeros(5, *shape)).shape == (5, 10)


def test_smaller_images_are_refused_by_the_cnn_only():
    with pytest.raises(SettingsError, match="at least 12x12 pixels, found 11x40"):
        network((1, 11, 40))
    assert network((1, 8, 8), "mlp")(torch.zeros(2, 1, 8, 8)).shape == (2, 10)


def test_initial_weights_follow_the_seed_alone_and_are_glorots():
    torch.manual_seed(5)
    first = network(seeds=(7, 0))
    before = torch.random.get_rng_state()
    second = network(seeds=(7, 9))
    assert torch.equal(before, torch.random.get_rng_state())  # no global random number is used
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert not torch.equal(first.out.weight, network(seeds=(8, 0)).out.weight)
    assert float(first.dense.weight.detach().abs().max()) <= (6 / (1152 + 128)) ** 0.5
    assert 0.95 < float(first.conv2.weight.detach().abs().max()) / (2 * 6 / (800 + 800)) ** 0.5 <= 1  # gain sqrt(2)
    assert all(float(m.bias.detach().abs().max()) == 0 for m in (first.conv1, first.dense, first.out))


def test_standardisation_is_of_the_members_and_at_least_one():
    images = np.random.default_rng(0).integers(0, 256, (2500, 2, 3, 3)).astype(np.uint8)
    images[:, 0, 0, 0] = 9
    members = np.arange(2500) % 3 == 0
    mean, scale = standardisation(images, members)
    assert np.allclose(mean, images[members].mean(0), atol=1e-3)
    assert np.allclose(scale, np.maximum(images[members].std(0), 1), atol=1e-3) and scale[0, 0, 0] == 1
    net = network((1, 12, 12))  # it has its own, of mean 100 and scale 50
    assert torch.allclose(net(torch.full((1, 1, 12, 12), 150)), net.body(torch.ones(1, 1, 12, 12)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_dropout_keeps_its_share_in_either_precision(dtype, rate):
    kept = Drop(rate, torch.Generator().manual_seed(0)).train()(torch.ones(4_000_000, dtype=dtype))
    assert kept.dtype == dtype
    assert float((kept != 0).double().mean()) == pytest.approx(1 - rate, abs=0.0009)  # four standard deviations
    assert float(kept.max()) == pytest.approx(1 / (1 - rate), rel=0.004)

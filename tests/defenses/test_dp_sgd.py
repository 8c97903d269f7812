"""DP-SGD: a step by hand, what one example can change, Poisson's batches, and the accountant's known answers."""

import numpy as np
import pytest
import torch

from mia_core.defenses.dp_sgd import DPSGD, clipped_sum, epsilon, plan
from mia_core.model.train import train
from small import RECIPE, half_job, tiny_dataset

GRADIENTS = torch.tensor([[3.0, 4.0], [0.3, 0.4], [-6.0, 8.0]])


def test_the_step_of_three_examples() -> None:
    (total,) = clipped_sum([GRADIENTS], 1)
    assert torch.allclose(total, torch.tensor([0.3, 2.0]))
    assert torch.allclose((total + 0.8 * torch.tensor([0.5, -1.0])) / 4, torch.tensor([0.175, 0.3]))
    assert torch.allclose(clipped_sum([GRADIENTS], 6)[0], torch.tensor([-0.3, 9.2]))
    parts = clipped_sum([GRADIENTS[:, :1, None], GRADIENTS[:, 1]], 1)  # one length over all parameters
    assert torch.allclose(torch.cat([part.flatten() for part in parts]), total)


class Linear(torch.nn.Module):
    """Logits W x of images [n, 1, 1, 2]."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([[1.0, -1.0], [0.5, 2.0]]))

    def body(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1) @ self.weight.T


class Made:
    """A training of that network by plain descent with a step of one, whose noise is `generator`'s."""

    def __init__(self, batch_size: int) -> None:
        self.network, self.batch_size = Linear(), batch_size
        self.optimiser = torch.optim.SGD(self.network.parameters(), lr=1.0)

    def random(self, name: str) -> torch.Generator:
        return torch.Generator().manual_seed(5)


def test_a_step_clips_each_example_and_adds_noise_of_the_size_it_says() -> None:
    images = 10 * torch.randn(100, 1, 1, 2, generator=torch.Generator().manual_seed(0))  # more than are held at once
    targets = torch.eye(2)[torch.arange(100) % 2]
    made = Made(batch_size=50)
    before = made.network.weight.detach().clone()
    said = DPSGD(noise=0.7, clip=2.0).step(made)(images, targets)
    total = torch.zeros(2, 2)
    for image, target in zip(images, targets, strict=True):
        logits = before @ image.flatten()
        gradient = torch.outer(logits.softmax(0) - target, image.flatten())
        total += gradient * min(1, 2 / max(float(gradient.norm()), 1e-12))
    noise = torch.randn(2, 2, generator=torch.Generator().manual_seed(5))
    assert torch.allclose(before - made.network.weight, (total + 1.4 * noise) / 50, atol=1e-5)
    assert torch.allclose(said, images.flatten(1) @ before.T)


def test_an_empty_batch_is_a_step_of_noise_alone() -> None:
    made = Made(batch_size=50)
    before = made.network.weight.detach().clone()
    assert DPSGD(noise=1.0).step(made)(torch.zeros(0, 1, 1, 2), torch.zeros(0, 2)).shape == (0, 2)
    noise = torch.randn(2, 2, generator=torch.Generator().manual_seed(5))
    assert torch.allclose(before - made.network.weight, noise / 50)


def test_batches_are_poissons() -> None:
    batches = DPSGD().sample(torch.arange(1000), 100, Made(100))
    sizes = [len(batch) for batch in batches]
    assert len(batches) == 10 and len(set(sizes)) > 3 and 900 < sum(sizes) < 1100
    assert all(len(batch.unique()) == len(batch) for batch in batches)
    assert 250 < 1000 - len(torch.cat(batches).unique()) < 450  # (1 - 1/10)^10 of them are in none
    assert plan(10520, 100) == (100 / 10520, 105) and plan(30, 100) == (1.0, 1)


@pytest.mark.parametrize("network", ["cnn", "mlp"])
def test_it_trains_and_nothing_of_the_members_is_published_without_noise(network: str) -> None:
    recipe = RECIPE.replace(network=network, epochs=8, learning_rate=0.01, record=())
    job = half_job(tiny_dataset(), recipe, "dp-sgd(noise=0.01)")
    (found,) = train(tiny_dataset(), job)
    assert found.history["train_accuracy"][-1] > 0.4 and np.isfinite(found.logits).all()
    assert set(np.unique(found.weights["mean"])) == {127.5} and set(np.unique(found.weights["scale"])) == {63.75}


@pytest.mark.parametrize(("batch", "epochs", "noise", "known"), [
    (100, 50, 0.5, 31.2276), (100, 50, 1, 4.4539), (100, 50, 2, 1.5683), (1000, 100, 1, 26.3346),
])  # fmt: skip
def test_the_accountant_agrees_with_known_values(batch: int, epochs: int, noise: float, known: float) -> None:
    pytest.importorskip("opacus")
    assert epsilon(noise, batch / 10520, round(10520 * epochs / batch)) == pytest.approx(known, abs=1e-3)


def test_the_accountant_of_a_single_step_and_what_a_study_is_told() -> None:
    pytest.importorskip("opacus")
    assert epsilon(1, 1, 1) == pytest.approx(4.7285, abs=1e-3)
    told = DPSGD(noise=1).promised_epsilon(10520, 100, 50, 1e-5)
    assert told == pytest.approx(4.4539, abs=0.01) and DPSGD(noise=0).promised_epsilon(10520, 100, 50, 1e-5) is None

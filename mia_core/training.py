"""Trains one model on its members and yields its outputs at the recorded epochs. Knows neither store nor attack."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from mia_core.data import Dataset
from mia_core.defenses import Combination
from mia_core.errors import TrainingError
from mia_core.hardware import autocast
from mia_core.networks import Network, build_network, standardisation
from mia_core.optimiser import Adam
from mia_core.progress import progress
from mia_core.recipe import Recipe

MONITORED = 200
"""Non-members on which the accuracy after each epoch is taken, at most; recorded epochs query every example."""
MONITORED_SHARE = 0.2
"""At most so many as a share of the members: an epoch on a few hundred examples would otherwise spend much on it."""
QUERY_BATCH = 500


@dataclass(frozen=True)
class Snapshot:
    """A model as it is after an epoch.

    epoch    passes over the members so far
    logits   float32 [N, K] of every example of the data set, in evaluation mode and float32
    weights  name -> float32 array, standardisation included
    history  "loss" (mean over the epoch, as trained), "train_accuracy" (of the epoch's batches, in training mode) and
             "test_accuracy" (of some counted non-members, see `monitored_rows`, after the epoch): float64 [epoch] each
    """

    epoch: int
    logits: np.ndarray
    weights: dict[str, np.ndarray]
    history: dict[str, np.ndarray]


def train(
    dataset: Dataset,
    members: np.ndarray,
    counted: np.ndarray,
    recipe: Recipe,
    defenses: Combination,
    seed: tuple[int, int],
    label: str = "training",
) -> Iterator[Snapshot]:
    """Train on the rows that `members` (bool [N]) marks; yield a `Snapshot` at each recorded epoch.

    counted  bool [N], the rows on which the model is judged; its non-members among them are monitored
    recipe   with precision and device resolved (see `mia_core.runs.resolve`)
    seed     (seed of the study, index of the model): initial weights, order of examples and noise follow from it
             alone, so a training that stops earlier is bit for bit the beginning of a longer one
    Raises `TrainingError` when the loss is no longer a finite number, naming epoch and step.
    """
    device = torch.device(recipe.device)
    weights_seed, noise_seed, order_seed = (int(s) for s in np.random.SeedSequence(seed).generate_state(3, np.uint32))
    mean, scale = standardisation(dataset.images, members)
    classes = len(dataset.classes)
    network = build_network(
        recipe.network, mean, scale, classes, recipe.hidden_units, defenses, (weights_seed, noise_seed), device
    )
    optimiser = Adam(network.named_parameters(), recipe)
    precast = torch.bfloat16 if recipe.precision == "bfloat16" else torch.float32
    rows = np.flatnonzero(members)
    # Channels last, standardised once: a batch is then a gather, and convolutions need no change of layout.
    images = _channels_last(dataset.images[rows], device)
    images = ((images.float() - network.mean) / network.scale).to(precast).permute(0, 2, 3, 1).contiguous()
    labels = torch.from_numpy(dataset.labels[rows]).to(device)
    targets = np.eye(classes)
    for defense in defenses:
        targets = defense.targets(targets)
    targets = torch.from_numpy(targets.astype(np.float32)).to(device)
    monitored = monitored_rows(members, counted)
    order = np.random.default_rng(order_seed)
    history: dict[str, list[float]] = {"loss": [], "train_accuracy": [], "test_accuracy": []}
    recorded = recipe.recorded_epochs()

    for epoch in progress(range(1, recipe.epochs + 1), label, unit="epoch"):
        network.train()
        shuffled = torch.from_numpy(order.permutation(len(rows))).to(device)
        losses, correct = [], torch.zeros((), dtype=torch.int64, device=device)
        for batch in batches(shuffled, recipe.batch_size):
            x, y = images[batch].permute(0, 3, 1, 2), labels[batch]
            with autocast(device, recipe.precision):
                logits = network.body(x).float()
                loss = F.cross_entropy(logits, targets[y])
            loss.backward()
            optimiser.step()
            losses.append(loss.detach() * len(batch))
            correct += (logits.detach().argmax(1) == y).sum()
        _check_finite(torch.stack(losses), epoch, recipe, label)
        history["loss"].append(float(torch.stack(losses).sum()) / len(rows))
        history["train_accuracy"].append(int(correct) / len(rows))
        history["test_accuracy"].append(_accuracy(query(network, dataset.images[monitored]), dataset.labels[monitored]))
        if epoch in recorded:
            weights = {name: value.detach().cpu().numpy().copy() for name, value in network.state_dict().items()}
            arrays = {name: np.array(values) for name, values in history.items()}
            yield Snapshot(epoch, query(network, dataset.images), weights, arrays)


def query(network: Network, images: np.ndarray) -> np.ndarray:
    """Logits float32 [n, K] of images uint8 [n, C, H, W], in evaluation mode and float32."""
    network.eval()
    device = network.mean.device
    with torch.inference_mode():
        blocks = [
            network(_channels_last(images[start : start + QUERY_BATCH], device)).cpu()
            for start in range(0, len(images), QUERY_BATCH)
        ]
    return torch.cat(blocks).numpy() if blocks else np.zeros((0, network.out.out_features), np.float32)


def monitored_rows(members: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Counted non-members as `MONITORED` and `MONITORED_SHARE` have it, at least one where there is any, evenly spread:
    data may be in the order of their classes."""
    rows = np.flatnonzero(counted & ~members)
    number = min(len(rows), MONITORED, max(1, int(MONITORED_SHARE * members.sum())))
    return rows[np.linspace(0, len(rows) - 1, number).astype(int)]


def batches(shuffled: torch.Tensor, size: int) -> list[torch.Tensor]:
    """Consecutive batches of `size`; a last batch of a single example joins the batch before it.

    A layer that normalises over the batch cannot train on one example, and which data sizes leave one is chance.
    """
    parts = list(shuffled.split(size))
    if len(parts) > 1 and len(parts[-1]) == 1 and size > 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts


def _channels_last(images: np.ndarray, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(np.require(images, requirements="CW")).to(device, memory_format=torch.channels_last)


def _accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    return float((logits.argmax(1) == labels).mean()) if len(labels) else float("nan")


def _check_finite(losses: torch.Tensor, epoch: int, recipe: Recipe, label: str) -> None:
    bad = (~torch.isfinite(losses)).nonzero()
    if len(bad):
        raise TrainingError(
            f"{label}: the loss became {float(losses[bad[0, 0]])} in epoch {epoch}, step {int(bad[0, 0]) + 1} of "
            f"{len(losses)}; a lower learning_rate (now {recipe.learning_rate:g}) usually mends it"
        )

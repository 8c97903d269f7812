"""Trains one model on its members and yields its outputs at the recorded epochs. Knows neither store nor attack."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from mia_core.data import Dataset
from mia_core.errors import TrainingError
from mia_core.hardware import autocast
from mia_core.jobs import Job
from mia_core.networks import Network, build_network, standardisation
from mia_core.optimiser import Adam
from mia_core.progress import progress

QUERY_BATCH = 500


@dataclass(frozen=True)
class Snapshot:
    """A model as it is after an epoch.

    epoch    passes over the members so far
    logits   float32 [N, K] of the examples on which the model is judged, in evaluation mode and float32; not a number
             for the others of the data set
    weights  name -> float32 array, standardisation included
    history  "loss" (mean over the epoch, as trained) and "train_accuracy" (of the epoch's batches, in training mode):
             float64 [epoch] each. How well it does on other examples, `logits` say
    """

    epoch: int
    logits: np.ndarray
    weights: dict[str, np.ndarray]
    history: dict[str, np.ndarray]


def train(dataset: Dataset, job: Job) -> Iterator[Snapshot]:
    """Train on the job's members; yield a `Snapshot` at each recorded epoch.

    Initial weights, order of examples and noise follow from the job's seed alone, so a training that stops earlier is
    bit for bit the beginning of a longer one.

    Raises `TrainingError` when the loss is no longer a finite number, naming epoch and step.
    """
    recipe, device = job.recipe, torch.device(job.recipe.device)
    weights_seed, noise_seed, order_seed = (
        int(s) for s in np.random.SeedSequence(job.seed).generate_state(3, np.uint32)
    )
    mean, scale = standardisation(dataset.images, job.members)
    classes = len(dataset.classes)
    network = build_network(
        recipe.network, mean, scale, classes, recipe.hidden_units, job.defenses, (weights_seed, noise_seed), device
    )
    optimiser = Adam(network.named_parameters(), recipe)
    precast = torch.bfloat16 if recipe.precision == "bfloat16" else torch.float32
    rows = np.flatnonzero(job.members)
    # Channels last and prepared once: a batch is then a gather, and convolutions need no change of layout.
    images = (_channels_last(dataset.images[rows], device).float() - network.mean) / network.scale
    images = network.prepared(images).to(precast).permute(0, 2, 3, 1).contiguous()
    labels = torch.from_numpy(dataset.labels[rows]).to(device)
    targets = np.eye(classes)
    for defense in job.defenses:
        targets = defense.targets(targets)
    targets = torch.from_numpy(targets.astype(np.float32)).to(device)
    order = np.random.default_rng(order_seed)
    history: dict[str, list[float]] = {"loss": [], "train_accuracy": []}
    recorded = recipe.recorded_epochs()

    for epoch in progress(range(1, recipe.epochs + 1), job.label, unit="epoch"):
        network.train()
        shuffled = torch.from_numpy(order.permutation(len(rows))).to(device)
        steps = batches(shuffled, recipe.batch_size)
        sizes = [len(step) for step in steps]
        right = labels[shuffled]
        wanted = targets[right]
        found = []
        for batch, target in zip(steps, wanted.split(sizes), strict=True):
            x = images.index_select(0, batch).permute(0, 3, 1, 2)
            with autocast(device, recipe.precision):
                logits = network.body(x).float()
            found.append(logits.detach())
            # The gradient of the mean cross-entropy; what the losses were is asked of all steps at once. It is given by
            # a product, as `backward` with a gradient imports SymPy, which takes half a second of every process.
            (logits * ((found[-1].softmax(1) - target) / len(batch))).sum().backward()
            optimiser.step()
        found = torch.cat(found)
        losses = F.cross_entropy(found, wanted, reduction="none")
        _check_finite(torch.stack([step.mean() for step in losses.split(sizes)]), epoch, job)
        history["loss"].append(float(losses.mean()))
        history["train_accuracy"].append(float((found.argmax(1) == right).double().mean()))
        if epoch in recorded:
            weights = {name: value.detach().cpu().numpy().copy() for name, value in network.state_dict().items()}
            arrays = {name: np.array(values) for name, values in history.items()}
            logits = np.full((len(dataset.labels), classes), np.nan, np.float32)
            logits[job.counted] = query(network, dataset.images[job.counted])
            yield Snapshot(epoch, logits, weights, arrays)


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


def _check_finite(losses: torch.Tensor, epoch: int, job: Job) -> None:
    bad = (~torch.isfinite(losses)).nonzero()
    if len(bad):
        raise TrainingError(
            f"{job.label}: the loss became {float(losses[bad[0, 0]])} in epoch {epoch}, step {int(bad[0, 0]) + 1} of "
            f"{len(losses)}; a lower learning_rate (now {job.recipe.learning_rate:g}) usually mends it"
        )

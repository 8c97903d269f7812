"""Trains one model on its members and yields its outputs at the recorded epochs. Knows neither store nor attack."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from mia_core.base.errors import TrainingError
from mia_core.base.progress import progress
from mia_core.data.dataset import Dataset
from mia_core.defenses import Combination
from mia_core.model.build import network_of
from mia_core.model.job import Job
from mia_core.model.network import Network
from mia_core.model.recipe import Recipe

QUERY_BATCH = 500


class Step:
    """A step of training on one batch: forward pass, mean cross-entropy, backward pass, Adam (Kingma and Ba 2015).

    The recipe's l2 * sum(w**2) over weights, not biases, has the gradient 2 * l2 * w: that of a weight decay of 2 * l2.
    """

    def __init__(self, network: Network, recipe: Recipe) -> None:
        self.network, self.recipe = network, recipe
        self.optimiser = self.make_optimiser()

    def make_optimiser(self) -> torch.optim.Optimizer:
        """Adam with the recipe's learning rate and l2."""
        named = list(self.network.named_parameters())
        weights = [parameter for name, parameter in named if name.endswith("weight")]
        biases = [parameter for name, parameter in named if not name.endswith("weight")]
        groups = [{"params": weights, "weight_decay": 2 * self.recipe.l2}, {"params": biases}]
        return torch.optim.Adam(groups, lr=self.recipe.learning_rate)

    def __call__(self, images: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Logits float32 [n, K] before the step, for standardised images [n, C, H, W] and distributions [n, K]."""
        logits = self.forward(images)
        loss = F.cross_entropy(logits, targets)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        return logits.detach()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits float32 [n, K], computed in the recipe's precision."""
        half = self.recipe.precision == "bfloat16"
        with torch.autocast(images.device.type, torch.bfloat16, enabled=half):
            return self.network.body(images).float()


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


def train(dataset: Dataset, job: Job, step_class: type[Step] = Step) -> Iterator[Snapshot]:
    """Train on the job's members; yield a `Snapshot` at each recorded epoch.

    Initial weights, order of examples and noise follow from the job's seed alone, so a training that stops earlier is
    bit for bit the beginning of a longer one.

    step_class  what takes the steps; a faster one may stand in for the textbook's
    Raises `TrainingError` when the loss is no longer a finite number, naming epoch and step.
    """
    recipe, device, classes = job.recipe, torch.device(job.recipe.device), len(dataset.classes)
    network = network_of(dataset, job)
    step = step_class(network, recipe)
    images = network.standardised(on_device(dataset.inputs[job.members], device))
    labels = torch.from_numpy(dataset.labels[job.members]).to(device)
    targets = label_distributions(classes, job.defenses).to(device)[labels]
    order = np.random.default_rng(job.seeds[2])
    history: dict[str, list[float]] = {"loss": [], "train_accuracy": []}

    for epoch in progress(range(1, recipe.epochs + 1), job.label, unit="epoch"):
        network.train()
        shuffled = torch.from_numpy(order.permutation(len(labels))).to(device)
        steps = batches(shuffled, recipe.batch_size)
        logits = torch.cat([step(images[batch], targets[batch]) for batch in steps])
        losses = F.cross_entropy(logits, targets[shuffled], reduction="none")
        by_step = losses.split([len(batch) for batch in steps])
        check_finite(torch.stack([part.mean() for part in by_step]), epoch, job)
        history["loss"].append(float(losses.mean()))
        history["train_accuracy"].append(float((logits.argmax(1) == labels[shuffled]).double().mean()))
        if epoch in recipe.recorded_epochs():
            weights = {name: value.detach().cpu().numpy().copy() for name, value in network.state_dict().items()}
            outputs = np.full((len(dataset.labels), classes), np.nan, np.float32)
            outputs[job.counted] = query(network, dataset.inputs[job.counted])
            yield Snapshot(epoch, outputs, weights, {name: np.array(values) for name, values in history.items()})


def label_distributions(classes: int, defenses: Combination) -> torch.Tensor:
    """What the loss asks for, float32 [K, K]: row y is the distribution for label y, one-hot but for defenses."""
    targets = np.eye(classes)
    for defense in defenses:
        targets = defense.targets(targets)
    return torch.from_numpy(targets.astype(np.float32))


def batches(shuffled: torch.Tensor, size: int) -> list[torch.Tensor]:
    """Consecutive batches of `size`; a last batch of a single example joins the batch before it.

    A layer that normalises over the batch cannot train on one example, and which data sizes leave one is chance.
    """
    parts = list(shuffled.split(size))
    if len(parts) > 1 and len(parts[-1]) == 1 and size > 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts


def query(network: Network, images: np.ndarray) -> np.ndarray:
    """Logits float32 [n, K] of images uint8 [n, C, H, W], or of rows [n, D] of a table, in evaluation mode and
    float32."""
    network.eval()
    with torch.inference_mode():
        parts = on_device(images, network.mean.device).split(QUERY_BATCH)
        return torch.cat([network(part).cpu() for part in parts]).numpy()


def on_device(images: np.ndarray, device: torch.device) -> torch.Tensor:
    """Images [n, C, H, W] as a tensor whose channels are last in memory, as convolutions want them; rows as is."""
    order = torch.channels_last if images.ndim == 4 else torch.preserve_format
    return torch.tensor(np.ascontiguousarray(images)).to(device, memory_format=order)


def check_finite(losses: torch.Tensor, epoch: int, job: Job) -> None:
    """Raises `TrainingError` for the first of an epoch's `losses` [steps] that is not finite."""
    bad = (~torch.isfinite(losses)).nonzero()
    if len(bad):
        raise TrainingError(
            f"{job.label}: the loss became {float(losses[bad[0, 0]])} in epoch {epoch}, step {int(bad[0, 0]) + 1} of "
            f"{len(losses)}; a lower learning_rate (now {job.recipe.learning_rate:g}) usually mends it"
        )

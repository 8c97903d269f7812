"""Trains one model on its members and yields its outputs at the recorded epochs. Knows neither store nor attack."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch.nn import functional as F

from mia_core.base.errors import DataError, TrainingError
from mia_core.base.progress import progress
from mia_core.data.dataset import Dataset
from mia_core.defenses import Combination, having
from mia_core.model.build import network_of, single_network
from mia_core.model.job import Job
from mia_core.model.network import Network
from mia_core.model.step import Step

QUERY_BATCH = 500


@dataclass(frozen=True)
class Snapshot:
    """A model as it is after an epoch.

    epoch    passes over the members so far
    logits   float32 [N, K] of the examples on which the model is judged, in evaluation mode and float32; not a number
             for the others of the data set
    weights  name -> float32 array, standardisation included
    history  "loss" (mean cross-entropy over the epoch, of the batches as trained and without what defenses do to the
             loss) and "train_accuracy" (of the epoch's batches, in training mode): float64 [epoch] each. How well it
             does on other examples, `logits` say
    """

    epoch: int
    logits: np.ndarray
    weights: dict[str, np.ndarray]
    history: dict[str, np.ndarray]


def train(dataset: Dataset, job: Job, step_class: type[Step] = Step) -> Iterator[Snapshot]:
    """Train on the job's members; yield a `Snapshot` at each recorded epoch.

    Initial weights, order of examples and noise follow from the job's seed alone, so a training that stops earlier is
    bit for bit the beginning of a longer one. Where a defense may plan by the number of epochs, each recorded epoch is
    a training of its own.

    step_class  what takes the steps; a faster one may stand in for the textbook's
    Raises `TrainingError` when the loss is no longer a finite number, naming epoch and step.
    """
    planned = having(job.defenses, "fit", "epoch_ended")
    for whole in [job.stopped_at(epoch) for epoch in job.recipe.recorded_epochs()] if planned else [job]:
        yield from Trainer(dataset, whole, step_class).snapshots()


class Trainer:
    """Trains the networks of one model (see `mia_core.defenses.base.Fitting`, which this is).

    images, labels, targets  the members: standardised float32 [n, C, H, W], int64 [n], and distributions [n, K]
    """

    def __init__(self, dataset: Dataset, job: Job, step_class: type[Step]) -> None:
        self.dataset, self.job, self.step_class = dataset, job, step_class
        self.distributions = label_distributions(len(dataset.classes), job.defenses)
        self.images, self.labels, self.targets = self._examples(np.flatnonzero(job.members))
        self._generators = dict[str, torch.Generator]()

    def snapshots(self) -> Iterator[Snapshot]:
        """The model at each recorded epoch; a model that a defense fits itself at the last one."""
        makers, recorded = having(self.job.defenses, "fit"), self.job.recipe.recorded_epochs()
        if makers:
            yield self._snapshot(*makers[0].fit(self), recorded[-1])
            return
        network = self.model()
        for history in self.epochs(network, self.images, self.targets, labels=self.labels):
            if len(history["loss"]) in recorded:
                yield self._snapshot(network, history, len(history["loss"]))

    def model(self) -> Network:
        """The model before its training."""
        return network_of(self.dataset, self.job)

    def network(self, part: int = 0) -> Network:
        """A network beside it, untrained; each `part` has its own initial weights."""
        return single_network(self.dataset, self.job, part)

    def epochs(
        self,
        network: Network,
        images: torch.Tensor,
        targets: torch.Tensor,
        part: int = 0,
        labels: torch.Tensor | None = None,
    ) -> Iterator[dict[str, np.ndarray]]:
        """Train one network; after each epoch, its history so far.

        labels  against which its accuracy is told, by default the targets' largest classes
        """
        job, recipe = self.job, self.job.recipe
        labels = targets.argmax(1) if labels is None else labels
        step = self.step_class(network, recipe, job.defenses, partial(job.named_seed, part=part), self.outsiders)
        order = np.random.default_rng(job.part_seeds(part)[2])
        samplers, closing = having(job.defenses, "sample"), having(job.defenses, "epoch_ended")
        found: dict[str, list[float]] = {"loss": [], "train_accuracy": []}
        for step.epoch in progress(range(1, recipe.epochs + 1), job.label, unit="epoch"):
            network.train()
            shuffled = torch.from_numpy(order.permutation(len(labels))).to(images.device)
            size = recipe.batch_size
            chosen = samplers[0].sample(shuffled, size, step) if samplers else batches(shuffled, size)
            given, asked = [], []
            for rows in chosen:
                some, wanted = step.changed(images[rows], targets[rows])
                given.append(step(some, wanted))
                asked.append(wanted)
            logits = torch.cat(given)
            losses = F.cross_entropy(logits, torch.cat(asked), reduction="none")
            by_step = losses.split([len(rows) for rows in chosen])
            check_finite(torch.stack([of_step.mean() for of_step in by_step if len(of_step)]), step.epoch, job)
            found["loss"].append(float(losses.mean()))
            found["train_accuracy"].append(float((logits.argmax(1) == labels[torch.cat(chosen)]).double().mean()))
            for defense in closing:
                defense.epoch_ended(step)
            yield {name: np.array(values) for name, values in found.items()}

    def answers(self, network: Network, images: torch.Tensor) -> torch.Tensor:
        """Logits float32 [n, K] of standardised images, in evaluation mode and without gradients."""
        network.eval()
        with torch.no_grad():
            return torch.cat([network.body(some) for some in images.split(QUERY_BATCH)])

    def random(self, name: str) -> torch.Generator:
        """Random numbers of that name, on the CPU: the same generator whenever it is asked for."""
        if name not in self._generators:
            self._generators[name] = torch.Generator().manual_seed(self.job.named_seed(name))
        return self._generators[name]

    def outsiders(self) -> tuple[torch.Tensor, torch.Tensor]:
        """See `mia_core.defenses.base.Training.outsiders`."""
        rows = np.flatnonzero(~self.job.members & ~self.job.counted)
        if not len(rows):
            raise DataError(
                f"{self.job.label}: needs examples on which the model neither trains nor is judged, found none; a "
                f"smaller part or population leaves some"
            )
        order = np.random.default_rng(self.job.named_seed("outsiders")).permutation(rows)[: len(self.labels)]
        images, _, targets = self._examples(np.sort(order))
        return images, targets

    def _examples(self, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        device = torch.device(self.job.recipe.device)
        labels = torch.from_numpy(self.dataset.labels[rows]).to(device)
        images = self.network().standardised(on_device(self.dataset.images[rows], device))
        return images, labels, self.distributions.to(device)[labels]

    def _snapshot(self, network: Network, history: dict[str, np.ndarray], epoch: int) -> Snapshot:
        weights = {name: value.detach().cpu().numpy().copy() for name, value in network.state_dict().items()}
        outputs = np.full((len(self.dataset.labels), len(self.dataset.classes)), np.nan, np.float32)
        outputs[self.job.counted] = query(network, self.dataset.images[self.job.counted])
        return Snapshot(epoch, outputs, weights, history)


def label_distributions(classes: int, defenses: Combination) -> torch.Tensor:
    """What the loss asks for, float32 [K, K]: row y is the distribution for label y, one-hot but for defenses."""
    targets = np.eye(classes)
    for defense in having(defenses, "targets"):
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
    """Logits float32 [n, K] of images uint8 [n, C, H, W], in evaluation mode and float32, as defenses let it answer."""
    logits = _asked(network, images)
    for defense in having(network.defenses, "answer"):
        logits = defense.answer(logits, images, partial(_asked, network))
    return logits


def _asked(network: Network, images: np.ndarray) -> np.ndarray:
    network.eval()
    with torch.inference_mode():
        parts = on_device(images, network.mean.device).split(QUERY_BATCH)
        return torch.cat([network(part).cpu() for part in parts]).numpy()


def on_device(images: np.ndarray, device: torch.device) -> torch.Tensor:
    """Images [n, C, H, W] as a tensor whose channels are last in memory, as convolutions want them."""
    return torch.tensor(np.ascontiguousarray(images)).to(device, memory_format=torch.channels_last)


def check_finite(losses: torch.Tensor, epoch: int, job: Job) -> None:
    """Raises `TrainingError` for the first of an epoch's `losses` [steps] that is not finite."""
    bad = (~torch.isfinite(losses)).nonzero()
    if len(bad):
        raise TrainingError(
            f"{job.label}: the loss became {float(losses[bad[0, 0]])} in epoch {epoch}, step {int(bad[0, 0]) + 1} of "
            f"{len(losses)}; a lower learning_rate (now {job.recipe.learning_rate:g}) usually mends it"
        )

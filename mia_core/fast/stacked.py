"""Trains many models of one network and recipe at once in one process: what `mia_core.model.train` does, stacked.

A study is hundreds of small trainings. On an accelerator a single one cannot fill the device, and what is spent is
mostly the start of its kernels; here one kernel serves all models. Each model has its own members, order of examples,
noise, targets and standardisation, all from the same seeds as in `mia_core.model.train.train`, so it is the same
training up to the rounding of sums.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from mia_core.base.errors import SettingsError
from mia_core.base.progress import progress
from mia_core.data.dataset import Dataset
from mia_core.defenses import Combination, describe, having
from mia_core.defenses.base import PLACES
from mia_core.defenses.dropout.layer import Drop
from mia_core.fast.optimiser import Adam
from mia_core.fast.stacked_networks import FORMS, body, fastest_form, stack
from mia_core.model.build import NETWORKS, network_of
from mia_core.model.job import Job
from mia_core.model.network import Network
from mia_core.model.recipe import Recipe
from mia_core.model.train import QUERY_BATCH, Snapshot, batches, check_finite, label_distributions

KNOWN = ("layers", "targets", "outputs")
"""Hooks of defenses with which models can be trained together (see also `takes`)."""
DROPPED = ("input", "hidden")
"""Where such a model may have dropout."""


class Trained(NamedTuple):
    """A snapshot (see `mia_core.model.train.Snapshot`) of the model that `jobs[index]` asked for."""

    index: int
    snapshot: Snapshot


def train_together(dataset: Dataset, jobs: Sequence[Job], form: str = "auto") -> Iterator[Trained]:
    """Train all `jobs` at once; yield every model's snapshot at each recorded epoch, in the order of `jobs`.

    jobs  of one recipe (resolved, see `mia_core.store.precision.resolve`) and one number of members; defenses, members
          and seeds may differ. `groups` sorts mixed jobs
    form  how convolutions are computed (`mia_core.fast.stacked_networks.FORMS`); "auto" times them once on an
          accelerator
    Needs memory for one batch of every model, and the data set once, as bytes, on the device.
    Raises `SettingsError` for jobs that cannot be trained together, and `TrainingError`, which names the model, epoch
    and step, when a loss is no longer a finite number; snapshots of earlier epochs have been given by then.
    """
    if form not in (*FORMS, "auto"):
        raise SettingsError(f"form: expected auto, {', '.join(FORMS)}, found {form!r}")
    found = groups(jobs)
    if len(found) != 1:
        raise SettingsError(
            f"jobs: expected one recipe and one number of members, found {len(found)} combinations of the two"
        )
    yield from _Batch(dataset, jobs, form).epochs()


def groups(jobs: Sequence[Job]) -> list[list[int]]:
    """Indices of the jobs that can be trained together: of one recipe and one number of members, in their order."""
    found: dict[tuple[Recipe, int], list[int]] = {}
    for index, job in enumerate(jobs):
        found.setdefault((job.recipe, int(job.members.sum())), []).append(index)
    return list(found.values())


def takes(defenses: Combination) -> bool:
    """Whether models with these defenses can be trained together: those that put layers into them put dropout."""
    widths = dict.fromkeys(PLACES, 1)
    layers = [defense.layers(torch.Generator(), widths) for defense in having(defenses, "layers")]
    return all(place in DROPPED and isinstance(layer, Drop) for found in layers for place, layer in found.items())


class _Batch:
    """The state of M trainings: parameters [M, ...], one optimiser, and what each model has of its own."""

    def __init__(self, dataset: Dataset, jobs: Sequence[Job], form: str) -> None:
        self.dataset, self.jobs, self.recipe = dataset, jobs, jobs[0].recipe
        self.device = torch.device(self.recipe.device)
        self.networks = [_network(dataset, job) for job in jobs]
        self.orders = [np.random.default_rng(job.seeds[2]) for job in jobs]
        self.kind = NETWORKS[self.recipe.network]
        self.parameters = stack(self.networks)
        self.optimiser = Adam(self.parameters.items(), self.recipe)
        self.pixels = torch.tensor(dataset.images.transpose(0, 2, 3, 1)).contiguous().to(self.device)
        # [M, 1, H, W, C], to act on a batch of every model
        self.mean, self.scale = (
            torch.stack([getattr(network, name).permute(1, 2, 0) for network in self.networks])[:, None].contiguous()
            for name in ("mean", "scale")
        )
        self.labels = torch.tensor(dataset.labels, device=self.device)
        self.rows = torch.from_numpy(np.stack([np.flatnonzero(job.members) for job in jobs])).to(self.device)
        self.targets = torch.stack([label_distributions(len(dataset.classes), job.defenses) for job in jobs]).to(
            self.device
        )
        self.models = torch.arange(len(jobs), device=self.device)[:, None]
        self.noisy = [any(isinstance(module, Drop) for module in n.at_hidden.modules()) for n in self.networks]
        self.form = form if form != "auto" else self._timed_form()

    def epochs(self) -> Iterator[Trained]:
        """Train all epochs; give every model's snapshot at each recorded one."""
        history: dict[str, list[np.ndarray]] = {"loss": [], "train_accuracy": []}
        recorded = self.recipe.recorded_epochs()
        for epoch in progress(range(1, self.recipe.epochs + 1), f"{len(self.jobs)} models", unit="epoch"):
            losses, correct = self._epoch()
            if not losses.isfinite().all():
                for index, job in enumerate(self.jobs):
                    check_finite(losses[:, index], epoch, job)
            examples = self.rows.shape[1]
            history["loss"].append((losses * self.sizes[:, None]).sum(0).double().cpu().numpy() / examples)
            history["train_accuracy"].append(correct.cpu().numpy() / examples)
            if epoch in recorded:
                logits = self._query()
                for index, job in enumerate(self.jobs):
                    logits[index][~job.counted] = np.nan
                    own = {name: np.array([values[index] for values in rows]) for name, rows in history.items()}
                    yield Trained(index, Snapshot(epoch, logits[index], self._weights(index), own))

    def _epoch(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Losses [steps, M] and the number of correct predictions [M] of one pass over the members."""
        for network in self.networks:
            network.train()
        count = self.rows.shape[1]
        orders = torch.from_numpy(np.stack([order.permutation(count) for order in self.orders])).to(self.device)
        shuffled = self.rows.gather(1, orders)  # [M, n], rows of the data set
        steps = batches(torch.arange(count, device=self.device), self.recipe.batch_size)
        self.sizes = torch.tensor([len(step) for step in steps], device=self.device)
        losses, correct = [], torch.zeros(len(self.jobs), dtype=torch.int64, device=self.device)
        for step in steps:
            batch = shuffled[:, step]
            y = self.labels[batch]
            x, hidden = self._noise(self._standardised(batch))
            with self._precision():
                logits = body(self.kind, self.parameters, x, hidden, self.form).float()
                found = -(self.targets[self.models, y] * logits.log_softmax(2)).sum(2).mean(1)
            found.sum().backward()  # no model's loss depends on another's parameters
            self.optimiser.step()
            losses.append(found.detach())
            correct += (logits.detach().argmax(2) == y).sum(1)
        return torch.stack(losses), correct

    def _standardised(self, rows: torch.Tensor) -> torch.Tensor:
        """Images [M, B, H, W, C] of rows [M, B] of the data set, each by its model's mean and scale."""
        pixels = self.pixels[rows]
        # Made here for its strides, as in `mia_core.fast.stacked_networks.stack`.
        images = torch.empty(pixels.shape, device=self.device)
        return torch.sub(pixels, self.mean, out=images).div_(self.scale)

    def _noise(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The input after its layers, and the factors [M, B, units] on the hidden layer, or None.

        Drawn model by model, input before hidden, as `mia_core.model.train` draws: a model's noise is its own.
        """
        factors = torch.ones(*x.shape[:2], self.recipe.hidden_units, device=self.device) if any(self.noisy) else None
        for index, network in enumerate(self.networks):
            if not isinstance(network.at_input, nn.Identity):
                x[index] = network.at_input(x[index].permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
            if self.noisy[index]:
                factors[index] = network.at_hidden(factors[index])
        return x, factors

    def _query(self) -> np.ndarray:
        """Logits float32 [M, N, K] of every example, in evaluation mode and float32."""
        # No more images at a time than a training step has, whatever the number of models.
        size = max(QUERY_BATCH // len(self.jobs), self.recipe.batch_size)
        blocks = []
        with torch.inference_mode():
            for rows in torch.arange(len(self.pixels), device=self.device).split(size):
                images = self._standardised(rows.expand(len(self.jobs), -1))
                blocks.append(body(self.kind, self.parameters, images, None, self.form).cpu())
        return torch.cat(blocks, 1).numpy()

    def _weights(self, index: int) -> dict[str, np.ndarray]:
        values = dict(self.networks[index].state_dict()) | {k: v[index] for k, v in self.parameters.items()}
        return {name: value.detach().cpu().numpy().copy() for name, value in values.items()}

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.precision == "bfloat16")

    def _timed_form(self) -> str:
        size = min(self.recipe.batch_size, self.rows.shape[1])
        with self._precision():
            return fastest_form(self.kind, self.parameters, self._standardised(self.rows[:, :size]))


def _network(dataset: Dataset, job: Job) -> Network:
    if not takes(job.defenses):
        raise SettingsError(
            f"defenses: {describe(job.defenses)}: models trained together can have dropout at the input and the hidden "
            f"layer, and no other layer"
        )
    return network_of(dataset, job)

"""What a defense is: a frozen group of settings with a hook for each thing it may change, which by default do nothing.

The pipeline calls the hooks and never asks which defense it has. `several`, `layers` and `standardisation` say what the
network is; `targets`, `sample`, `batch`, `loss`, `penalty`, `step`, `epoch_ended` and `fit` how it is trained; `answer`
what it says with the model at hand; `outputs` what is left of that.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

import numpy as np

from mia_core.base.settings import Settings

if TYPE_CHECKING:
    import torch

Stage = Literal["model", "training", "output"]
HOOKS = (
    "several", "layers", "standardisation", "targets", "sample", "batch", "loss", "penalty", "step", "epoch_ended",
    "fit", "answer", "outputs",
)  # fmt: skip
"""All hooks of a defense, in the order in which a model meets them."""
PLACES = ("input", "conv1", "conv2", "dense", "hidden")
"""Where a network may have layers of defenses: standardised pixels, what convolutions and the dense layer give before
it is made non-linear, and the hidden layer. A network without convolutions lacks theirs."""
ALONE = {
    "several": "make a model of several networks",
    "sample": "choose the batches",
    "loss": "replace the loss",
    "step": "take the steps",
    "fit": "fit the model",
}
"""Hooks that stand in the place of what is done otherwise, and what they do: at most one defense of a combination may
have each."""
Steps = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]
"""Takes a step on images [n, C, H, W] and distributions [n, K]; returns the logits [n, K] before it."""
Asked = Callable[[np.ndarray], np.ndarray]
"""Gives the network's logits float32 [n, K] for images uint8 [n, C, H, W], in evaluation mode."""


class Training(Protocol):
    """The training of one network as a defense sees it (see `mia_core.model.step.Step`).

    network    in training mode; its `mean` and `scale` [C, H, W] standardise pixels
    optimiser  of the network's parameters
    epoch      the one under way, from 1, of `epochs` in all
    batch_size  examples per step, as the recipe has it
    """

    network: "torch.nn.Module"
    optimiser: "torch.optim.Optimizer"
    epoch: int
    epochs: int
    batch_size: int

    def random(self, name: str) -> "torch.Generator":
        """Random numbers of that name, on the CPU: the same generator whenever it is asked for, seeded by the job."""

    def forward(self, images: "torch.Tensor") -> "torch.Tensor":
        """Logits float32 [n, K] of standardised images, in the recipe's precision."""

    def loss(self, logits: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
        """What the training minimises, penalties included: a scalar."""

    def outsiders(self) -> tuple["torch.Tensor", "torch.Tensor"]:
        """Standardised images and distributions of examples on which the model neither trains nor is judged, at most as
        many as members, drawn by the job's seed. Raises `DataError` where there are none."""


class Fitting(Protocol):
    """What a model of several networks is made from (see `mia_core.model.train.Trainer`).

    images, labels, targets  the members: standardised float32 [n, C, H, W], int64 [n], and distributions [n, K]
    """

    images: "torch.Tensor"
    labels: "torch.Tensor"
    targets: "torch.Tensor"

    def model(self) -> "torch.nn.Module":
        """The untrained model that is given out. With `Defense.several` its networks are `model.parts`."""

    def network(self, part: int = 0) -> "torch.nn.Module":
        """An untrained network beside it, such as a teacher; each `part` has its own initial weights."""

    def epochs(
        self, network: "torch.nn.Module", images: "torch.Tensor", targets: "torch.Tensor", part: int = 0
    ) -> Iterator[dict[str, np.ndarray]]:
        """Train one network for the recipe's epochs with all hooks but `fit`; after each epoch, its history so far.

        Order and noise are those of the `part`: with 0 and the members' images and targets it is the training that
        there is without `fit`.
        """

    def answers(self, network: "torch.nn.Module", images: "torch.Tensor") -> "torch.Tensor":
        """Logits float32 [n, K] of standardised images, in evaluation mode and without gradients."""

    def random(self, name: str) -> "torch.Generator":
        """As in `Training`."""

    def outsiders(self) -> tuple["torch.Tensor", "torch.Tensor"]:
        """As in `Training`."""


class Defense(Settings):
    """A defense acts at one stage: in the model, in the training, or on the output.

    Only the first two shape the weights; an output-stage defense never needs a new training.

    name   as it is written in a combination
    order  its place among the defenses of its stage, lowest first: in that order they are named and applied
    strength  the setting that says how much of it there is: at zero it is no defense, and none of its hooks is called
    doses  three values of `strength`: weak, middle (the default) and strong
    by_itself  whether no other defense that shapes the weights may stand beside it
    uses   modules of this room besides its own whose code shapes its models
    keeps_prediction  whether an output-stage defense leaves the predicted class of every answer as it is, whatever the
           posteriors: what depends on the class alone is then the same by construction
    """

    name: ClassVar[str]
    stage: ClassVar[Stage]
    order: ClassVar[int] = 100
    strength: ClassVar[str] = ""
    doses: ClassVar[tuple[float, ...]] = ()
    by_itself: ClassVar[bool] = False
    uses: ClassVar[tuple[str, ...]] = ()
    keeps_prediction: ClassVar[bool] = False

    @property
    def shapes_weights(self) -> bool:
        """Whether this defense needs a model of its own to be trained."""
        return self.stage != "output"

    @property
    def acts(self) -> bool:
        """Whether there is anything of it: its strength is not zero."""
        return not self.strength or getattr(self, self.strength) != 0

    def has(self, hook: str) -> bool:
        """Whether it acts and has this hook, by name."""
        return self.acts and getattr(type(self), hook) is not getattr(Defense, hook)

    def layers(self, generator: "torch.Generator", widths: Mapping[str, int]) -> dict[str, "torch.nn.Module"]:
        """Layers to insert, by place, drawing noise from `generator` (on the network's device).

        widths  place -> channels or units there, for those of `PLACES` that the network has
        """
        return {}

    def several(self, classes: int) -> tuple[int, "torch.nn.Module"]:
        """How many networks the model is made of, and what turns their logits [n, P, K] into the model's, [n, K]."""
        raise NotImplementedError

    def standardisation(self, mean: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and scale [C, H, W] by which the model standardises pixels, from those of its members."""
        return mean, scale

    def targets(self, targets: np.ndarray) -> np.ndarray:
        """The label distributions [n, K] that the loss compares with, from those before."""
        return targets

    def sample(self, shuffled: "torch.Tensor", size: int, training: Training) -> "list[torch.Tensor]":
        """The batches of an epoch, each row numbers [b] from `shuffled`, all of them in random order."""
        raise NotImplementedError

    def batch(
        self, images: "torch.Tensor", targets: "torch.Tensor", training: Training
    ) -> tuple["torch.Tensor", "torch.Tensor"]:
        """The batch to train on, from standardised images [n, C, H, W] and distributions [n, K], which stay as they
        are."""
        return images, targets

    def loss(self, logits: "torch.Tensor", targets: "torch.Tensor", epoch: int) -> "torch.Tensor":
        """A scalar in the place of the mean cross-entropy, of logits [n, K] and distributions [n, K].

        epoch  the one under way, from 1
        """
        raise NotImplementedError

    def penalty(self, weights: "list[torch.Tensor]") -> "torch.Tensor":
        """A scalar to add to the loss. weights: those of the network's own layers, without biases."""
        raise NotImplementedError

    def step(self, training: Training) -> Steps:
        """What takes the steps of this training in the optimiser's place, made before the first one."""
        raise NotImplementedError

    def epoch_ended(self, training: Training) -> None:
        """Called after each epoch; may change the network.

        A schedule may depend on `training.epochs`: the model of each recorded epoch is then trained anew.
        """

    def fit(self, fitting: Fitting) -> tuple["torch.nn.Module", dict[str, np.ndarray]]:
        """The trained `fitting.model()` and the history to keep of it, for a model that one training does not make.

        Each recorded epoch is trained anew.
        """
        raise NotImplementedError

    def answer(self, logits: np.ndarray, images: np.ndarray, ask: Asked) -> np.ndarray:
        """What the trained model answers instead of `logits` float32 [n, K] when asked about `images` uint8
        [n, C, H, W]. It is part of the model: whatever asks it gets this answer, and the same one to the same image."""
        return logits

    def outputs(self, posteriors: np.ndarray) -> np.ndarray:
        """Output stage: the posteriors [..., K] that anyone outside gets to see."""
        return posteriors

    def promised_epsilon(self, examples: int, batch_size: int, epochs: int, delta: float) -> float | None:
        """The epsilon of differential privacy for adding or removing one example that a training on so many promises
        at `delta`; None where it promises none."""
        return None

    def __str__(self) -> str:
        """The defense's name, with those settings that differ from their defaults."""
        changed = [
            f"{key}={getattr(self, key)}"
            for key, field in type(self).model_fields.items()
            if getattr(self, key) != field.default
        ]
        return self.name + (f"({','.join(changed)})" if changed else "")

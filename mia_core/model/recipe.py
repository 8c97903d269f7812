"""How a model is trained: the settings that, with data, defenses and seed, shape its weights."""

from typing import Annotated, Literal

from pydantic import Field

from mia_core.base.settings import Listed, Number, Settings, Whole

Positive = Annotated[Whole, Field(ge=1)]


class Recipe(Settings):
    """Training settings. The defaults are those of the published code of the report under test.

    The report prints a learning rate of 0.01, with which its network does not learn; its code uses 0.001.

    network        "cnn" (the report's), "mlp" (one hidden layer, for flat input, as in ML-Leaks), or "auto": the CNN
                   for images, the MLP for tables
    hidden_units   units of the hidden dense layer of either network
    epochs         passes over the members
    batch_size     examples per step; a last batch of one example joins the batch before it
    learning_rate  of Adam, in (0, 1]
    l2             factor of the sum of squared weights (not biases) added to the loss
    precision      "float32", on every machine alike; "bfloat16" (autocast); or "auto", which times a step on images of
                   the data's size in each, once, and takes bfloat16 where it saves a fifth
    device         "cpu", "cuda", "mps", or "auto": CUDA, else Apple's MPS, else the CPU
    threads        CPU threads per model; results are the same to the bit for the same number on the same machine
    record         epochs whose outputs are stored, each as the run that it would have been had it stopped there
    """

    network: Literal["auto", "cnn", "mlp"] = "auto"
    hidden_units: Positive = 128
    epochs: Positive = 50
    batch_size: Positive = 100
    learning_rate: Annotated[Number, Field(gt=0, le=1)] = 0.001
    l2: Annotated[Number, Field(ge=0, le=1)] = 1e-7
    precision: Literal["float32", "bfloat16", "auto"] = "float32"
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    threads: Annotated[Whole, Field(ge=1, le=1024)] = 1
    record: Annotated[tuple[Positive, ...], Listed] = (1, 2, 5, 10, 20, 50)

    def recorded_epochs(self) -> list[int]:
        """The epochs at which outputs are stored, ascending; the last one always is."""
        return sorted({epoch for epoch in self.record if epoch < self.epochs} | {self.epochs})

    def stopped_at(self, epoch: int) -> "Recipe":
        """The recipe of the run that stops at `epoch`: what is recorded on the way does not tell it apart."""
        return self.only(Recipe).replace(epochs=epoch, record=())

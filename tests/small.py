"""Data sets and settings small enough that a training takes a fraction of a second."""

import numpy as np

from mia_core.data.dataset import Dataset
from mia_core.defenses import combination
from mia_core.model.job import Job
from mia_core.model.recipe import Recipe

RECIPE = Recipe(epochs=3, batch_size=8, record=(1, 2), precision="float32", device="cpu", network="cnn")


def tiny_dataset(examples: int = 64, classes: int = 3, side: int = 12, seed: int = 0, name: str = "tiny") -> Dataset:
    """Random images whose brightness depends on the class, so that there is something to learn."""
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.arange(examples) % classes)
    images = generator.integers(0, 120, (examples, 1, side, side)) + (60 * labels[:, None, None, None] // (classes - 1))
    return Dataset(name, images.astype(np.uint8), labels.astype(np.int64), tuple("abcdefghij"[:classes]), examples)


def half(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Members (the even examples) and counted examples (all), as rows of a split."""
    members = np.arange(len(dataset.labels)) % 2 == 0
    return members, np.ones_like(members)


def half_job(dataset: Dataset, recipe: Recipe = RECIPE, defenses: str = "none", seed: tuple[int, int] = (0, 0)) -> Job:
    """The training of one model on half of the examples."""
    return Job(*half(dataset), recipe, combination(defenses), seed)

"""One epoch of the report's CNN on 10,520 images of 3x32x32: this package against the loop a user would write.

    OMP_NUM_THREADS=1 PYTHONPATH=book python benchmarks/epoch.py [--threads 1] [--rounds 3] [--examples 10520]
                                                                 [--bfloat16 auto]

The baseline is the ordinary PyTorch loop: a DataLoader over PIL images with ToTensor and Normalize, batch 100, Adam,
float32. All train the same network on the same random pixels (the time does not depend on what they show) with the
same number of threads, in turn, in one process: this package in float32, with `mia_core.fast` and as the textbook has
it, and in bfloat16 where this machine chooses it. The limit: the same multiplications as one matrix product of that
precision.
"""

import argparse
import os

import numpy as np
import torch
from measured import compared, in_turn, matrix_speed, middle, multiplications, save
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms

from mia_core.data.dataset import Dataset
from mia_core.model.job import Job
from mia_core.model.recipe import Recipe
from mia_core.model.step import Step
from mia_core.model.train import train
from mia_core.store.faster import step_class
from mia_core.store.machine import cpu_threads
from mia_core.store.precision import resolve

EXAMPLES = 10_520


class Pictures(torch.utils.data.Dataset):
    """What torchvision's CIFAR10 does: an array, a PIL image an item, then the transform."""

    def __init__(self, images, labels, transform):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.transform(Image.fromarray(self.images[index])), int(self.labels[index])


def plain_network(channels=3, left=32 * 36):
    return nn.Sequential(
        nn.Conv2d(channels, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 32, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(left, 128), nn.Tanh(), nn.Linear(128, 10),
    )  # fmt: skip


def ordinary_loop(network, loader, optimiser, epochs=1):
    loss_of = nn.CrossEntropyLoss()
    for _ in range(epochs):
        for images, labels in loader:
            optimiser.zero_grad()
            loss_of(network(images), labels).backward()
            optimiser.step()


def plain_epoch(loader):
    network = plain_network()
    optimiser = torch.optim.Adam(network.parameters(), lr=0.001)
    return in_turn({"": lambda: ordinary_loop(network, loader, optimiser)}, 1)[""][0]


def our_epoch(data, members, recipe, step):
    """Seconds of an epoch: the difference between a training of two and of one."""

    def epochs(count):
        return lambda: list(train(data, Job(members, members, recipe.stopped_at(count), (), (0, 0)), step))

    found = in_turn({"one": epochs(1), "two": epochs(2)}, 1)
    return tuple(two - one for one, two in zip(found["one"][0], found["two"][0], strict=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--examples", type=int, default=EXAMPLES)
    parser.add_argument("--bfloat16", default="auto", choices=("auto", "yes", "no"))
    given = parser.parse_args()
    load = os.getloadavg()
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (given.examples, 32, 32, 3), dtype=np.uint8)
    labels = random.integers(0, 10, given.examples)
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,) * 3, (0.25,) * 3)])
    loader = DataLoader(Pictures(pixels, labels, transform), batch_size=100, shuffle=True)
    images = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
    data = Dataset("random", images, labels, tuple("0123456789"), len(images))
    members = np.ones(given.examples, bool)
    recipe = Recipe(device="cpu", threads=given.threads, record=())
    chosen = resolve(recipe, images.shape[1:]).precision
    wanted = given.bfloat16 == "yes" or (given.bfloat16 == "auto" and chosen == "bfloat16")
    precisions = ("float32", "bfloat16") if wanted else ("float32",)
    plain, without, ours, speeds = [], [], {name: [] for name in precisions}, {name: [] for name in precisions}
    with cpu_threads(given.threads):
        for name in precisions:  # loading compiled code is no part of an epoch
            our_epoch(data, np.arange(given.examples) < 200, recipe.replace(precision=name), step_class())
        for _ in range(given.rounds):
            plain.append(plain_epoch(loader))
            without.append(our_epoch(data, members, recipe, Step))
            for name in precisions:
                ours[name].append(our_epoch(data, members, recipe.replace(precision=name), step_class()))
                speeds[name].append(matrix_speed(name))
    work = multiplications(images.shape[1:], 10) * given.examples
    results = {
        "threads": given.threads,
        "examples": given.examples,
        "chosen": chosen,
        "plain_loop_seconds": middle(plain),
        "without_fast": {"seconds": middle(without), "times_faster": compared(plain, without)},
        "with_fast": {"seconds": middle(ours["float32"]), "times_faster": compared(plain, ours["float32"])},
        "precisions": {
            name: {
                "mia_core_seconds": middle(ours[name]),
                "times_faster": compared(plain, ours[name]),
                "limit_seconds": work / max(speeds[name]),
                "share_of_limit": work / max(speeds[name]) / middle(ours[name])["processor"],
                "product_tflops": 2e-12 * max(speeds[name]),
            }
            for name in precisions
        },
    }
    print(save("epoch", results, load).read_text(), end="")


if __name__ == "__main__":
    main()

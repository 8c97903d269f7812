"""One epoch of the report's CNN on 10,520 images of 3x32x32: this package against the loop a user would write.

    python benchmarks/epoch.py [--threads 2] [--pairs 5] [--precision auto]

The baseline is the ordinary PyTorch loop: a DataLoader over PIL images with ToTensor and Normalize, batch 100, Adam,
float32. Both train the same network on the same random pixels (the time does not depend on what they show) with the
same number of threads, in turn, in one process. Prints the seconds of each and the ratio pair by pair.
"""

import argparse
import json
import os
import statistics
import time

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms

from mia_core.data import Dataset
from mia_core.hardware import cpu_threads, describe_machine, resolve
from mia_core.recipe import Recipe
from mia_core.training import train

EXAMPLES, MONITORED = 10_520, 1_000


class Pictures(torch.utils.data.Dataset):
    """What torchvision's CIFAR10 does: an array, a PIL image an item, then the transform."""

    def __init__(self, images, labels, transform):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.transform(Image.fromarray(self.images[index])), int(self.labels[index])


def plain_network():
    return nn.Sequential(
        nn.Conv2d(3, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 32, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * 36, 128), nn.Tanh(), nn.Linear(128, 10),
    )  # fmt: skip


def plain_epoch(loader):
    network = plain_network()
    optimiser = torch.optim.Adam(network.parameters(), lr=0.001)
    loss_of = nn.CrossEntropyLoss()
    start = time.perf_counter()
    for images, labels in loader:
        optimiser.zero_grad()
        loss_of(network(images), labels).backward()
        optimiser.step()
    return time.perf_counter() - start


def our_epoch(data, members, recipe):
    """Seconds of an epoch, accuracy after it included: the difference between a training of three and of one."""
    seconds = {}
    for epochs in (1, 3):
        start = time.perf_counter()
        list(train(data, members, np.ones_like(members), recipe.stopped_at(epochs), (), (0, 0)))
        seconds[epochs] = time.perf_counter() - start
    return (seconds[3] - seconds[1]) / 2


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--precision", default="auto", choices=("auto", "float32", "bfloat16"))
    given = parser.parse_args()
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (EXAMPLES + MONITORED, 32, 32, 3), dtype=np.uint8)
    labels = random.integers(0, 10, EXAMPLES + MONITORED)
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,) * 3, (0.25,) * 3)])
    loader = DataLoader(Pictures(pixels[:EXAMPLES], labels[:EXAMPLES], transform), batch_size=100, shuffle=True)
    images = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
    data = Dataset("random", images, labels, tuple("0123456789"), len(images))
    members = np.arange(len(images)) < EXAMPLES
    recipe = resolve(Recipe(device="cpu", precision=given.precision, threads=given.threads, record=()))
    rows = []
    with cpu_threads(given.threads):
        for _ in range(given.pairs):
            rows.append((plain_epoch(loader), our_epoch(data, members, recipe)))
    ratios = sorted(plain / ours for plain, ours in rows)
    print(json.dumps({
        "machine": describe_machine(), "threads": given.threads, "torch": torch.__version__,
        "load_average": os.getloadavg()[0], "precision": recipe.precision,
        "plain_loop_seconds": [round(plain, 2) for plain, _ in rows],
        "mia_core_seconds": [round(ours, 2) for _, ours in rows],
        "times_faster": {"least": round(ratios[0], 2), "median": round(statistics.median(ratios), 2),
                         "most": round(ratios[-1], 2)},
    }, indent=2))  # fmt: skip


if __name__ == "__main__":
    main()

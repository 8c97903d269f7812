"""One model of the default study (scanned digits): this package against the loop a user would write.

    OMP_NUM_THREADS=1 PYTHONPATH=book python benchmarks/study.py [--epochs 10] [--rounds 3]

The baseline is the ordinary PyTorch loop: a DataLoader over PIL images with ToTensor and Normalize, batch 100, Adam,
float32, then the outputs on the examples on which the model is judged, by a DataLoader as well. It, this package with
`mia_core.fast` and this package as the textbook has it train the same network on the members of the first target with
one thread, in turn, in one process. A study trains one such model per core at a time, so its minutes are models x
seconds / cores.
"""

import argparse
import os

import numpy as np
import torch
from epoch import Pictures, ordinary_loop, plain_network
from measured import compared, in_turn, matrix_speed, middle, multiplications, save
from torch.utils.data import DataLoader
from torchvision import transforms

from mia_core.model.step import Step
from mia_core.model.train import train
from mia_core.store.faster import step_class
from mia_core.store.machine import cpu_threads
from mia_core.studies.settings import StudySettings
from mia_core.studies.study import Study


def plain_training(images, labels, members, counted, epochs, channels=1, left=128):
    """Outputs of the baseline on the examples on which it is judged."""
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(0.5, 0.25)])
    rows = np.flatnonzero(members)
    loader = DataLoader(Pictures(images[rows], labels[rows], transform), batch_size=100, shuffle=True)
    judged = DataLoader(Pictures(images[counted], labels[counted], transform), batch_size=500)
    network = plain_network(channels, left)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.001)
    ordinary_loop(network, loader, optimiser, epochs)
    with torch.no_grad():
        return torch.cat([network(x) for x, _ in judged])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    load = os.getloadavg()
    settings = StudySettings(epochs=given.epochs, record=(), device="cpu", seeds=1)
    study = Study(settings)
    data, split = study.dataset, study.splits[0]
    members, counted = split.members[0], split.counted[0]
    actions = {
        "plain": lambda: plain_training(data.images[:, 0], data.labels, members, counted, given.epochs),
        "without_fast": lambda: list(train(data, study.job(0, 0, ()), Step)),
        "with_fast": lambda: list(train(data, study.job(0, 0, ()), step_class())),
    }
    with cpu_threads(1):
        speed = matrix_speed(study.recipe.precision)
        in_turn(actions, 1)  # what a process does once, such as its imports, is no part of a model's time
        found = in_turn(actions, given.rounds)
    examples = int(members.sum()) * given.epochs
    limit = multiplications(data.images.shape[1:], len(data.classes)) * examples / speed
    results = {
        "epochs": given.epochs,
        "members": int(members.sum()),
        "precision": study.recipe.precision,
        "plain_loop_seconds": middle(found["plain"]),
        "mia_core_seconds": middle(found["with_fast"]),
        "times_faster": compared(found["plain"], found["with_fast"]),
        "limit_seconds": limit,
        "share_of_limit": limit / middle(found["with_fast"])["processor"],
    } | {
        name: {"seconds": middle(found[name]), "times_faster": compared(found["plain"], found[name])}
        for name in ("without_fast", "with_fast")
    }
    print(save("study", results, load).read_text(), end="")


if __name__ == "__main__":
    main()

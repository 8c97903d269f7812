"""Is the fast training the same experiment? Targets and shadows of a study, by this package and by the ordinary loop.

    OMP_NUM_THREADS=1 PYTHONPATH=book python benchmarks/same.py [--dataset digits] [--seeds 5] [--epochs 50]
                                                                [--name same] [--resume]

The baseline is the ordinary PyTorch loop as in benchmarks/study.py: a DataLoader over PIL images, PyTorch's own layers,
loss and Adam. It is given what belongs to the recipe and not to the speed: this package's initial weights and its
standardisation. Its order of examples is its own, so models differ as those of two seeds do. This package trains in
float32, and in bfloat16 where the processor has instructions for it. All are attacked alike. Each seed's measures are
recorded when it is done; with --resume, seeds that the record has are not trained again.
"""

import argparse
import json
import os

import numpy as np
import torch
from epoch import Pictures, ordinary_loop, plain_network
from measured import read, save
from torch.utils.data import DataLoader

from mia_core.base.errors import DataError
from mia_core.gate.arrays import Outputs
from mia_core.gate.posteriors import softmax
from mia_core.model.build import network_of
from mia_core.model.train import train
from mia_core.store.faster import step_class
from mia_core.store.machine import cpu_threads, describe_machine
from mia_core.studies.settings import StudySettings
from mia_core.studies.study import SHADOW, TARGET, Study, accuracies, evaluate

MEASURES = ("target_accuracy", "attack_accuracy", "auc")
PARTS = {0: "conv1", 3: "conv2", 7: "dense", 9: "out"}  # of `plain_network`, by this package's names


def plain_logits(study, job):
    """What the baseline's model answers on all examples, float32 [N, K]."""
    data, recipe = study.dataset, study.recipe
    ours = network_of(data, job)
    network, mean, scale = plain_network(len(ours.mean), ours.dense.in_features), ours.mean, ours.scale
    for place, name in PARTS.items():
        network[place].load_state_dict(getattr(ours, name).state_dict())

    def transform(picture):
        pixels = torch.from_numpy(np.array(picture))
        return ((pixels[None] if pixels.dim() == 2 else pixels.permute(2, 0, 1)).float() - mean) / scale

    pixels, rows = data.images.transpose(0, 2, 3, 1).squeeze(), np.flatnonzero(job.members)
    torch.manual_seed(job.seeds[0])
    loader = DataLoader(Pictures(pixels[rows], data.labels[rows], transform), recipe.batch_size, shuffle=True)
    optimiser = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate, weight_decay=2 * recipe.l2)
    ordinary_loop(network, loader, optimiser, recipe.epochs)
    with torch.no_grad():
        every = DataLoader(Pictures(pixels, data.labels, transform), batch_size=500)
        return torch.cat([network(x) for x, _ in every]).numpy()


def our_logits(precision):
    """A function that gives what this package's model answers on the job's counted examples, float32 [N, K]."""

    def logits(study, job):
        own = job._replace(recipe=job.recipe.replace(precision=precision))
        return list(train(study.dataset, own, step_class()))[-1].logits

    return logits


def measured(study, seed, logits_of):
    """The measures of one seed: models trained by `logits_of`, attacked by adversary 1."""
    sides = []
    for model in (TARGET, SHADOW):
        job = study.job(seed, model, ())
        rows = job.counted
        posteriors = softmax(logits_of(study, job)[rows])
        sides.append(Outputs(posteriors, job.members[rows], study.dataset.labels[rows], None, "none"))
    found = accuracies(*sides) | evaluate("adversary1", *sides, study.settings)
    return {measure: found[measure] for measure in MEASURES}


def kept(name, about, ways):
    """Rows of a record about the same data and epochs, of the seeds that were trained in all of these ways."""
    try:
        found = read(name)["results"]
    except DataError:
        return []
    rows = found["rows"] if about.items() <= found.items() else []
    return [row for row in rows if {one["trained_by"] for one in rows if one["seed"] == row["seed"]} == set(ways)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="digits")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--name", default="same", help="of the record")
    parser.add_argument("--resume", action="store_true", help="keep the seeds that the record has")
    given = parser.parse_args()
    load = os.getloadavg()
    about = {"dataset": given.dataset, "device": "cpu", "seeds": given.seeds, "replicates": 0, "precision": "float32"}
    study = Study(StudySettings(**about, epochs=given.epochs, record=()))
    ways = {"ordinary loop": plain_logits, "float32": our_logits("float32")}
    if "bf16" in describe_machine()["instructions"]:
        ways["bfloat16"] = our_logits("bfloat16")
    results = {"dataset": study.dataset.name, "members": int(study.splits[0].members[0].sum()), "epochs": given.epochs}
    rows = results["rows"] = kept(given.name, results, ways) if given.resume else []
    with cpu_threads(1):
        for seed in sorted(set(study.settings.seeds) - {row["seed"] for row in rows}):
            rows += [{"trained_by": name, "seed": seed} | measured(study, seed, way) for name, way in ways.items()]
            save(given.name, results, load)
    print(json.dumps(read(given.name), indent=1))


if __name__ == "__main__":
    main()

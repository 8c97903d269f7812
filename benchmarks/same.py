"""Is the fast training the same experiment? Targets and shadows of the default study, by this package and by the loop.

    OMP_NUM_THREADS=1 python benchmarks/same.py [--seeds 5] [--epochs 50]

The baseline is the ordinary PyTorch loop as in benchmarks/study.py: a DataLoader over PIL images, PyTorch's own layers,
loss and Adam. It is given what belongs to the recipe and not to the speed: this package's initial weights and its
standardisation. Its order of examples is its own, so models differ as those of two seeds do. Both are attacked alike.
"""

import argparse
import os

import numpy as np
import torch
from epoch import Pictures, ordinary_loop, plain_network
from torch.utils.data import DataLoader

from mia_core.chapters.cost_records import save
from mia_core.hardware import cpu_threads
from mia_core.inputs import Outputs
from mia_core.networks import build_network, standardisation
from mia_core.posteriors import softmax
from mia_core.study import SHADOW, TARGET, Study, about_models, evaluate
from mia_core.study_settings import StudySettings
from mia_core.training import train

MEASURES = ("target_accuracy", "attack_accuracy", "auc")
PARTS = {0: "conv1", 3: "conv2", 7: "dense", 9: "out"}  # of `plain_network`, by this package's names


def plain_logits(study, job):
    """What the baseline's model answers on all examples, float32 [N, K]."""
    data, recipe = study.dataset, study.recipe
    mean, scale = standardisation(data.images, job.members)
    seeds = tuple(int(value) for value in np.random.SeedSequence(job.seed).generate_state(2, np.uint32))
    ours = build_network("cnn", mean, scale, len(data.classes), recipe.hidden_units, (), seeds, torch.device("cpu"))
    network = plain_network(channels=1, left=128)
    for place, name in PARTS.items():
        network[place].load_state_dict(getattr(ours, name).state_dict())
    mean, scale = torch.from_numpy(mean), torch.from_numpy(scale)

    def transform(picture):
        return (torch.from_numpy(np.array(picture))[None].float() - mean) / scale

    pixels, rows = data.images[:, 0], np.flatnonzero(job.members)
    torch.manual_seed(seeds[0])
    loader = DataLoader(Pictures(pixels[rows], data.labels[rows], transform), recipe.batch_size, shuffle=True)
    optimiser = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate, weight_decay=2 * recipe.l2)
    ordinary_loop(network, loader, optimiser, recipe.epochs)
    with torch.no_grad():
        every = DataLoader(Pictures(pixels, data.labels, transform), batch_size=500)
        return torch.cat([network(x) for x, _ in every]).numpy()


def our_logits(study, job):
    """What this package's model answers on the job's counted examples, float32 [N, K]."""
    return list(train(study.dataset, job))[-1].logits


def measured(study, seed, logits_of):
    """The measures of one seed: models trained by `logits_of`, attacked by adversary 1."""
    sides = []
    for model in (TARGET, SHADOW):
        job = study.job(seed, model, ())
        rows = job.counted
        posteriors = softmax(logits_of(study, job)[rows])
        sides.append(Outputs(posteriors, job.members[rows], study.dataset.labels[rows], None, "none"))
    found = about_models(study.dataset.name, (), seed, *sides) | evaluate("adversary1", *sides, study.settings)
    return {measure: found[measure] for measure in MEASURES}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=50)
    given = parser.parse_args()
    load = os.getloadavg()
    study = Study(StudySettings(epochs=given.epochs, record=(), device="cpu", seeds=given.seeds, replicates=0))
    rows = []
    with cpu_threads(1):
        for seed in study.settings.seeds:
            for trained_by, logits_of in (("ordinary loop", plain_logits), ("mia_core", our_logits)):
                rows.append({"trained_by": trained_by, "seed": seed} | measured(study, seed, logits_of))
    results = {"epochs": given.epochs, "precision": study.recipe.precision, "rows": rows}
    print(save("same", results, load).read_text(), end="")


if __name__ == "__main__":
    main()

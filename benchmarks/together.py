"""Many models at once in one process against one at a time: M = 1, 4, 16, 64 models on the digits.

    OMP_NUM_THREADS=1 PYTHONPATH=book python benchmarks/together.py [--models 1 4 16 64] [--epochs 2] [--rounds 2]
                                                                    [--device auto]

Both train the same models from the same seeds, targets and shadows under every defense that shapes weights, in turn,
in one process, and must end with the same losses. One core of a processor is busy with one model, so nothing is gained
there; on an accelerator it is what makes a study fast. What was measured is what the record's device says.
"""

import argparse
import os

import numpy as np
from measured import compared, in_turn, middle, save

from mia_core.fast.stacked import train_together
from mia_core.model.train import train
from mia_core.store.faster import step_class
from mia_core.store.machine import cpu_threads
from mia_core.studies.settings import StudySettings
from mia_core.studies.study import Study

DEFENSES = ("none", "dropout", "smoothing", "dropout+smoothing")


def jobs_of(study):
    settings = study.settings
    return [
        study.job(seed, model, defenses)
        for seed in settings.seeds
        for defenses in study.combinations
        for model in (0, 1)
    ]


def losses_alone(data, jobs):
    return np.array([list(train(data, job, step_class()))[-1].history["loss"] for job in jobs])


def losses_together(data, jobs):
    return np.array([one.snapshot.history["loss"] for one in train_together(data, jobs)])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, nargs="+", default=[1, 4, 16, 64])
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--device", default="auto")
    given = parser.parse_args()
    load = os.getloadavg()
    own = {"epochs": given.epochs, "record": (), "device": given.device, "seeds": 8, "defenses": DEFENSES}
    rows = []
    for network in ("cnn", "mlp"):
        study = Study(StudySettings(**own, network=network))
        data, jobs = study.dataset, jobs_of(study)
        tolerance = 1e-3 if study.recipe.precision == "float32" else 0.05
        with cpu_threads(1):
            for number in (1, *given.models):  # the first is to load what is loaded once, and is not recorded
                losses = {}

                def alone(chosen=jobs[:number], losses=losses, data=data):
                    losses["alone"] = losses_alone(data, chosen)

                def together(chosen=jobs[:number], losses=losses, data=data):
                    losses["together"] = losses_together(data, chosen)

                found = in_turn({"alone": alone, "together": together}, max(given.rounds, 8 // number))
                np.testing.assert_allclose(losses["alone"], losses["together"], rtol=tolerance)
                rows.append({
                    "network": network,
                    "models": number,
                    "alone_seconds": middle(found["alone"]),
                    "together_seconds": middle(found["together"]),
                    "times_faster": compared(found["alone"], found["together"]),
                })  # fmt: skip
        del rows[-len(given.models) - 1]
    results = {"device": study.recipe.device, "precision": study.recipe.precision, "epochs": given.epochs, "rows": rows}
    print(save("together", results, load).read_text(), end="")


if __name__ == "__main__":
    main()

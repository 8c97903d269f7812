"""Early stopping: when it stops, what it keeps, and that it looks at examples of its own."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mia_core.defenses.early_stopping import stop
from mia_core.model.step import Step
from mia_core.model.train import Trainer, train
from small import RECIPE, half_job, tiny_dataset

DATA = tiny_dataset()
LOSSES = [1, 0.8, 0.79, 0.81, 0.78, 0.8, 0.82, 0.83]


@pytest.mark.parametrize(("patience", "least", "best", "last"), [(2, 0, 4, 6), (2, 0.015, 1, 3), (9, 0, 4, None)])
def test_it_keeps_the_best_and_stops_when_patience_is_over(patience, least, best, last):
    found = [stop(LOSSES[:epochs], patience, least) for epochs in range(1, 9)]
    ends = [epoch for epoch, (_, over) in enumerate(found) if over]
    assert (ends[0] if ends else None) == last
    assert found[len(LOSSES) - 1 if last is None else last][0] == best


def test_the_model_is_the_plain_training_at_the_epoch_that_does_best_on_examples_of_its_own():
    recipe = RECIPE.replace(epochs=8, network="mlp", record=tuple(range(1, 8)), learning_rate=0.02)
    plain, stopped = (
        half_job(DATA, recipe, name)._replace(members=np.arange(64) < 20, counted=np.arange(64) < 40)
        for name in ("none", "early-stopping(patience=2)")
    )
    epochs, trainer = list(train(DATA, plain)), Trainer(DATA, plain, Step)
    images, targets = trainer.outsiders()
    losses = []
    for snapshot in epochs:
        network = trainer.model()
        network.load_state_dict({name: torch.from_numpy(value) for name, value in snapshot.weights.items()})
        losses.append(float(F.cross_entropy(trainer.answers(network, images), targets)))
    best = next(best for best, over in (stop(losses[: n + 1], 2, 0) for n in range(8)) if over)
    (found,) = train(DATA, stopped.stopped_at(8))
    assert len(images) == 20 and best < 5
    assert np.array_equal(found.logits, epochs[best].logits, equal_nan=True)
    assert len(found.history["loss"]) == best + 3

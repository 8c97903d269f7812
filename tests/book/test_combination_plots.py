"""Figures of the chapter on combinations, on a table that can be checked by hand."""

import pandas as pd

from mia_book import combinations, stopping
from mia_core.studies.interactions import interactions
from mia_core.studies.study import ATTACK_MEASURES, MODEL_MEASURES, over_the_seeds


def full(seeds=3):
    """A study's table of four combinations with every column that a summary has."""
    points = {"none": (0.6, 0.8), "dropout": (0.5, 0.55), "masking": (0.6, 0.8), "dropout+masking": (0.5, 0.54)}
    return pd.DataFrame(
        {"dataset": "d", "defenses": name, "seed": seed, "attack": "adversary1", "epochs": 50}
        | dict.fromkeys((*MODEL_MEASURES, *ATTACK_MEASURES), risky + seed / 100)
        | {"target_accuracy": useful + seed / 100}
        for name, (useful, risky) in points.items()
        for seed in range(seeds)
    )


def test_figures_say_what_they_show():
    summary = over_the_seeds(full())
    fig, front = combinations.with_front(summary)
    assert "On the Pareto front: dropout+masking, none, masking." in front
    assert "Rings with another mark inside: none." in front
    marks = {bars.get_label(): bars.lines[0] for bars in fig.axes[0].containers}
    assert marks["none"].get_markersize() > marks["masking"].get_markersize()
    assert marks["none"].get_markerfacecolor() == "none" != marks["masking"].get_markerfacecolor()
    epochs = pd.concat([full().assign(epochs=50), full().assign(epochs=1, target_accuracy=0.2)])
    for measure in ("attack_accuracy", "auc", "tpr_at_fpr_0.01"):
        _, alt = stopping.beside_stopping(summary, epochs, measure)
        assert "epoch 1 0.20 / 0.81, epoch 50 0.61 / 0.81" in alt and "dropout 0.51 / 0.56" in alt
    near = over_the_seeds(full().replace({"defenses": {"none": "smoothing"}}))
    assert stopping.beside_stopping(near, epochs)[1].endswith("Rings with another mark inside: smoothing.")
    _, sums = combinations.sums_of_effects(interactions(full()))
    assert sums == "Sum of the parts / measured attack accuracy: dropout+masking 0.56 / 0.55."

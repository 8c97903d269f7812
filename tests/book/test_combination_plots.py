"""Figures of the chapter on combinations, on a table that can be checked by hand."""

import numpy as np
import pandas as pd
import pytest

from mia_book import combinations, stopping
from mia_core.display.svg import figure
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


def test_every_defense_has_a_name_beside_it_and_close_marks_share_a_place():
    summary = over_the_seeds(full())
    epochs = pd.concat([full().assign(epochs=50), full().assign(epochs=1, target_accuracy=0.2)])
    for measure in ("attack_accuracy", "auc", "tpr_at_fpr_0.01"):
        fig, alt = stopping.beside_stopping(summary, epochs, measure)
        assert "epoch 1 0.20 / 0.81, epoch 50 0.61 / 0.81" in alt and "dropout 0.51 / 0.56" in alt
        names = [text for text in fig.axes[0].texts if not text.get_text().isdigit()]
        assert [text.get_text() for text in names] == ["dropout\ndropout+masking", "masking"]
    fig, _ = stopping.beside_stopping(summary[summary["defenses"] == "none"], epochs)
    assert all(text.get_text().isdigit() for text in fig.axes[0].texts)


def test_names_at_the_edge_keep_apart():
    _, axes = figure()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    heights = (0.0, 0.05, 0.1, 0.9)
    stopping.names_at_the_edge(axes, {str(height): (0.5, height) for height in heights}, "black")
    places = [text.xyann[1] for text in axes.texts]
    assert min(np.diff(places)) >= stopping.LINE and places[-1] == pytest.approx(0.9)


def test_printed_values_are_beside_the_measured_ones():
    beside = combinations.beside_printed(over_the_seeds(full())).set_index("defenses")
    assert beside.loc["dropout", "target, printed"] == "0.49"
    assert beside.loc["dropout", "target, measured"].startswith("0.510 [")
    other = combinations.beside_printed(over_the_seeds(full().replace({"defenses": {"dropout": "clipping"}})))
    assert other.set_index("defenses").loc["clipping", "attack, printed"] == "not printed"

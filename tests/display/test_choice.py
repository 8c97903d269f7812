"""The figure of leak against accuracy: what it says, and that labels of neighbours keep apart."""

import pandas as pd

from mia_core.display.choice import leak_against_accuracy
from mia_core.display.svg import themed_svg

LEAK = "tpr_at_fpr_0.01"
PATH = pd.DataFrame({"epochs": [1, 5, 9], "target_accuracy": [0.45, 0.55, 0.6], LEAK: [0.012, 0.05, 0.4]})


def drawn(points):
    rows = [{"defenses": name, "target_accuracy": x, LEAK: y} for name, (x, y) in points.items()]
    bounds = {f"{name}{end}": None for name in ("target_accuracy", LEAK) for end in ("_low", "_high")}
    return leak_against_accuracy(PATH, pd.DataFrame(rows).assign(**bounds), LEAK, 5)


def test_every_mark_has_its_name_beside_it_and_the_alt_text_its_values():
    fig, alt = drawn({"dropout": (0.5, 0.05), "smoothing": (0.54, 0.5)})
    labels = [text.get_text() for text in fig.axes[0].texts]
    assert labels == ["epoch 1", "epoch 5: stop here", "epoch 9", "dropout", "smoothing"] and fig.legends == []
    assert "epoch 5 0.550 / 0.050" in alt and "dropout 0.500 / 0.050" in alt
    assert alt.endswith("The recommended stop is epoch 5.")
    ticks = [label.get_text() for label in fig.axes[0].get_yticklabels()]
    svg = themed_svg(fig, name="a", alt=alt)
    assert "50%" in ticks and "stop here" in svg


def test_labels_of_neighbours_keep_apart():
    fig, _ = drawn({"a": (0.500, 0.050), "b": (0.501, 0.048), "alone": (0.54, 0.4)})
    shifts = {text.get_text(): text.xyann[1] for text in fig.axes[0].texts}
    assert shifts["a"] - shifts["b"] >= 12 and shifts["alone"] == shifts["a"]

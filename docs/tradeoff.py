"""Draws the README's picture, docs/tradeoff.svg, from a recorded study: python docs/tradeoff.py."""

from pathlib import Path

from mia_core.base.files import write_atomically
from mia_core.display.plots import privacy_utility
from mia_core.studies.recorded import recorded
from mia_core.studies.study import over_the_seeds

figure, _ = privacy_utility(over_the_seeds(recorded("cifar10-jpeg")[0]))
write_atomically(
    Path(__file__).with_suffix(".svg"),
    lambda file: figure.savefig(file, format="svg", facecolor="white", metadata={"Date": None}),
)

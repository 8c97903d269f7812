"""Draws the README's picture, docs/finding.svg, from a recorded study: python docs/finding.py."""

from pathlib import Path

from mia_core.base.files import write_atomically
from mia_core.report.front import finding_plot

figure, alt = finding_plot()
# The title holds every number, so that a test sees whether the picture is of the study's present table.
about = {"Date": None, "Title": alt}
write_atomically(
    Path(__file__).with_suffix(".svg"),
    lambda file: figure.savefig(file, format="svg", facecolor="white", metadata=about),
)

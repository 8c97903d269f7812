"""A throw-away defense: one file, and help texts, error lists and a study's table show it."""

import json

DEFENSE = '''
"""Blur: every answer is drawn towards the uniform one."""

from typing import ClassVar

import numpy as np

from mia_core.base.settings import Number
from mia_core.defenses.base import Defense, Stage


class Blur(Defense):
    """Mixes posteriors with the uniform distribution. Keeps the predicted class.

    share  of the uniform distribution
    """

    name: ClassVar[str] = "blur"
    stage: ClassVar[Stage] = "output"

    share: Number = 0.5

    def outputs(self, posteriors: np.ndarray) -> np.ndarray:
        return (1 - self.share) * posteriors + self.share / posteriors.shape[-1]
'''
STUDY = ("study", "--seeds=1", "--epochs=2", "--part=40", "-p", "replicates=0", "-p", "network=mlp")


def test_a_defense_is_one_file(project):
    project.add("mia_core/defenses/blur.py", DEFENSE)
    assert "label-only, blur" in " ".join(project.mia("study", "--help").split())
    assert "label-only, blur" in project.python("-m", "mia_core", "study", "--defenses=fog").stderr
    rows = json.loads(project.mia(*STUDY, "--defenses", "none,blur(share=0.2)+masking", "--json"))
    assert [row["defenses"] for row in rows] == ["none", "masking+blur(share=0.2)"]

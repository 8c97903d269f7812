"""A throw-away source of data: one file, and help texts, error lists and a study's table show it."""

import json

SOURCE = '''
"""Stripes: pictures of two classes with bright rows or bright columns."""

import numpy as np

from mia_core.data.dataset import Dataset, resize
from mia_core.data.source import Source


def stripes(size):
    noise = np.random.default_rng(0).integers(0, 100, (200, 1, 8, 8), dtype=np.uint8)
    noise[:100, :, ::2] += 100
    noise[100:, :, :, ::2] += 100
    return Dataset("stripes", resize(noise, size or 8), np.repeat([0, 1], 100), ("rows", "columns"), 200)


SOURCE = Source("stripes", "bright rows or columns", lambda settings: stripes(settings.size), settings=("size",))
'''
STUDY = ("study", "--seeds=1", "--epochs=2", "--part=40", "-p", "replicates=0", "-p", "network=mlp")


def test_a_source_of_data_is_one_file(project):
    project.add("mia_core/data/stripes.py", SOURCE)
    assert "stripes (bright rows or columns; size)" in " ".join(project.mia("study", "--help").split())
    assert "stripes, folder:<path>" in project.python("-m", "mia_core", "study", "--dataset=zebra").stderr
    rows = json.loads(project.mia(*STUDY, "--dataset=Stripes", "--defenses=none", "--json"))
    assert [row["dataset"] for row in rows] == ["stripes"]
    listed = "from mia_book.what_goes_in import settings_reference as t; from mia_core.studies.settings import *; "
    shown = project.python("-c", listed + "print(t(StudySettings).set_index('setting').meaning['dataset'])").stdout
    assert "stripes, or folder:<path>" in shown

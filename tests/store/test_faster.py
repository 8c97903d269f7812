"""What makes it faster is optional: without it the same study runs and gives the same up to rounding."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mia_core
from mia_core.store.runs import read_run

STUDY = ("study", "--dataset", "digits", "--seeds", "1", "--epochs", "2", "--part", "40", "--defenses", "none,dropout",
         "-p", "replicates=0")  # fmt: skip
SCRIPT = """
import sys
# An editable installation would find in the checkout what the copy lacks.
sys.meta_path[:] = [finder for finder in sys.meta_path if "Editable" not in repr(finder)]
for name in {blocked}:
    sys.modules[name] = None
from mia_core.cli.main import main
code = main({words})
unwanted = ("torch._dynamo", "sympy", "numba", "mia_core.fast.step")
print(*(name for name in unwanted if sys.modules.get(name) is not None), file=sys.stderr)
sys.exit(code)
"""


def study(folder, cache, *blocked):
    """Runs of a small study by file name, and which of the unwanted modules its process imported."""
    environment = os.environ | {"PYTHONPATH": str(folder), "MIA_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
    script = SCRIPT.format(blocked=blocked, words=list(STUDY))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, cwd=cache)
    assert done.returncode == 0, done.stderr
    return {path.name: read_run(path) for path in (cache / "runs").glob("*.npz")}, done.stderr.splitlines()[-1].split()


@pytest.fixture(scope="module")
def fastest(tmp_path_factory):
    pytest.importorskip("mia_core.fast")
    pytest.importorskip("numba")
    return study(Path(mia_core.__file__).parents[1], tmp_path_factory.mktemp("fast"))


def test_a_training_imports_neither_compiler_nor_algebra(fastest):
    assert fastest[1] == ["numba", "mia_core.fast.step"]


@pytest.mark.parametrize("without", ["the folder", "numba"])
def test_without_it_a_study_gives_the_same_up_to_rounding(without, fastest, tmp_path):
    package = Path(mia_core.__file__).parent
    cache = tmp_path / "cache"
    cache.mkdir()
    if without == "numba":
        found, imported = study(package.parent, cache, "numba")
        assert imported == ["mia_core.fast.step"]
    else:
        ignored = shutil.ignore_patterns("__pycache__", "fast")
        shutil.copytree(package, tmp_path / "mia_core", ignore=ignored)
        found, imported = study(tmp_path, cache)
        assert "mia_core.fast.step" not in imported
    expected, _ = fastest
    assert len(found) == len(expected) == 8 and not set(found) & set(expected), "other code, other identities"
    for (_, ours), (_, theirs) in zip(sorted(found.items()), sorted(expected.items()), strict=True):
        assert ours.about["identity"] | {"code": ""} == theirs.about["identity"] | {"code": ""}
        np.testing.assert_allclose(ours.logits, theirs.logits, atol=1e-4)
        np.testing.assert_allclose(ours.history["loss"], theirs.history["loss"], rtol=1e-5)

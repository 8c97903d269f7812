"""What makes a stored run the one that is asked for: a hash of all that shaped its weights."""

import contextlib
import hashlib
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from mia_core.data.dataset import Dataset
from mia_core.defenses import shaping
from mia_core.model.job import Job
from mia_core.store.code import code_fingerprint

FORMAT = 1


def identity(dataset: Dataset, job: Job) -> dict[str, Any]:
    """All that shapes the weights of the run at the last epoch of `job`, ready for JSON; output-stage defenses are not
    part of it. For an earlier recorded epoch see `mia_core.model.job.Job.stopped_at`."""
    return {
        "format": FORMAT,
        "dataset": dataset.name,
        "data": dataset.fingerprint,
        "members": _digest_of(job.members),
        "counted": _digest_of(job.counted),
        "recipe": job.recipe.stopped_at(job.recipe.epochs).model_dump(mode="json", exclude={"record"}),
        "defenses": {d.name: d.model_dump(mode="json") for d in shaping(job.defenses)},
        "seed": list(job.seed),
        "code": code_fingerprint(job, dataset.images.shape[1:]),
    }


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of the packages that results depend on."""
    packages = ("numpy", "numba", "scipy", "scikit-learn", "torch", "torchvision")
    found = {"python": platform.python_version()}
    for name in packages:
        with contextlib.suppress(PackageNotFoundError):  # Numba is optional
            found[name] = version(name)
    return found


def _digest_of(rows: np.ndarray) -> str:
    return hashlib.sha256(np.packbits(rows).tobytes() + str(rows.shape).encode()).hexdigest()[:16]

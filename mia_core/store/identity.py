"""What makes a stored run the one that is asked for: a hash of all that shaped its weights, the code included."""

import ast
import contextlib
import hashlib
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from threading import Lock
from typing import Any

import numpy as np

from mia_core.base.errors import ArrayError
from mia_core.data.dataset import Dataset
from mia_core.defenses import Combination, shaping
from mia_core.defenses.base import Defense
from mia_core.model.job import Job
from mia_core.model.recipe import Recipe
from mia_core.store import faster

FORMAT = 1


def identity(dataset: Dataset, job: Job) -> dict[str, Any]:
    """All that shapes the weights of the run at the last epoch of `job`, ready for JSON; output-stage defenses are not
    part of it. For an earlier recorded epoch see `mia_core.model.job.Job.stopped_at`.

    Raises `ArrayError` for members that are not true or false, such as numbers of rows."""
    return {
        "format": FORMAT,
        "dataset": dataset.name,
        "data": dataset.fingerprint,
        "members": _digest_of(job.members),
        "counted": _digest_of(job.counted),
        "recipe": job.recipe.stopped_at(job.recipe.epochs).model_dump(mode="json", exclude={"record"}),
        "defenses": {d.name: d.model_dump(mode="json") for d in shaping(job.defenses)},
        "seed": list(job.seed),
        "code": code_fingerprint(job.recipe, job.defenses, dataset.images.shape[1:]),
    }


def code_fingerprint(recipe: Recipe, defenses: Combination, shape: tuple[int, int, int]) -> str:
    """Of all code that shapes the weights of a model of images [C, H, W], here: 16 digits (hex).

    That is the network, the training, what makes it faster on this machine and the defenses. Comments and docstrings
    do not count, nor does code that this training does not use, such as a compiled block of another form.
    """
    from mia_core.model import build, network, step, train

    modules = [build.NETWORKS[recipe.network].__module__]
    modules += [module.__name__ for module in (network, build, step, train)]
    modules += faster.sources(recipe, shape, defenses)
    for defense in shaping(defenses):
        modules += [name for kind in type(defense).__mro__ if issubclass(kind, Defense) for name in _files(kind)]
    return _hash(tuple(modules))


def _files(kind: type[Defense]) -> list[str]:
    """The modules of a defense: its own, where that is a folder those in it, and those that it uses."""
    found = find_spec(kind.__module__)
    inside = iter_modules(found.submodule_search_locations or [], f"{kind.__module__}.")
    return [kind.__module__, *(module.name for module in inside), *kind.uses]


# Python 3.11 fails with a SystemError where two threads parse at once, as those of one Dask worker may.
_ONE_PARSER = Lock()


@cache
def _hash(modules: tuple[str, ...]) -> str:
    found = [_meaning(Path(find_spec(name).origin).read_text(encoding="utf-8")) for name in modules]
    return hashlib.sha256(b"".join(found)).hexdigest()[:16]


def _meaning(source: str) -> bytes:
    """A hash of the code without comments, docstrings and layout."""
    with _ONE_PARSER:
        tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return hashlib.sha256(ast.dump(tree).encode()).digest()


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
    if rows.dtype != bool:  # packed, the numbers of different rows would look alike
        raise ArrayError(f"members, counted: found {rows.dtype} {rows.shape}; expected true or false for each example")
    return hashlib.sha256(np.packbits(rows).tobytes() + str(rows.shape).encode()).hexdigest()[:16]

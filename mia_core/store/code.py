"""A hash of the code that computed a run: a stored one is taken only where the code is still the same."""

import ast
import hashlib
import inspect
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from mia_core.base.settings import Settings
from mia_core.defenses import shaping
from mia_core.model.job import Job
from mia_core.store.faster import stacked, step_class


def code_fingerprint(job: Job, shape: tuple[int, int, int]) -> str:
    """Of all code that shapes the weights of a job on images [C, H, W], here: 16 digits (hex).

    That is the network, the training, what makes it faster on this machine and the job's defenses. Comments and
    docstrings do not count, nor does code that this training does not use, such as a compiled block of another form.
    """
    import torch

    names = step_class().sources(job.recipe, shape)
    if job.recipe.device != "cpu" and stacked() is not None:
        names = [*names, *stacked().SOURCES]
    kinds = [kind for defense in shaping(job.defenses) for kind in type(defense).__mro__]
    kinds += [type(layer) for defense in shaping(job.defenses) for layer in defense.layers(torch.Generator()).values()]
    ours = [kind for kind in kinds if kind.__module__.split(".")[0] not in ("builtins", "pydantic", "torch")]
    return _fingerprint(tuple(names), tuple(kind for kind in ours if kind is not Settings))


@cache
def _fingerprint(modules: tuple[str, ...], classes: tuple[type, ...]) -> str:
    found = [_of(Path(find_spec(name).origin).read_text(encoding="utf-8")) for name in modules]
    found += [_of(inspect.getsource(kind)) for kind in classes]
    return hashlib.sha256(b"".join(found)).hexdigest()[:16]


@cache
def _of(source: str) -> bytes:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return hashlib.sha256(ast.dump(tree).encode()).digest()

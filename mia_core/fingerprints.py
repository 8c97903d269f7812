"""A hash of the code that shapes weights, by which a stored model is known to be that of the code as it is now."""

import ast
import hashlib
import inspect
from functools import cache
from typing import Any


@cache
def code_fingerprint(defenses: tuple[type, ...], device: str) -> str:
    """Of networks, training and these defenses, without comments and docstrings: new code, new runs. 16 digits (hex).

    device  "cpu", or an accelerator's kind, where many are trained at once by code of its own
    """
    from mia_core import convolution, networks, optimiser, training
    from mia_core.convolution import (
        amx,
        backward,
        compiled,
        direct,
        forward,
        layouts,
        matrix_unit,
        pixels,
        tiles,
        winograd,
    )
    from mia_core.defenses import base
    from mia_core.hardware import autocast

    sources: list[Any] = [networks, training, optimiser, autocast, base, *defenses]
    sources += [convolution, compiled, pixels, forward, backward, direct, winograd, amx, layouts, tiles, matrix_unit]
    if device != "cpu":
        from mia_core import batched, batched_networks

        sources += [batched, batched_networks]
    return hashlib.sha256(b"".join(map(_of, sources))).hexdigest()[:16]


@cache
def _of(source: Any) -> bytes:
    """Of a module, class or function."""
    tree = ast.parse(inspect.getsource(source))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return hashlib.sha256(ast.dump(tree).encode()).digest()

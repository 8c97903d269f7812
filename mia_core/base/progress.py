"""Progress bars where someone watches: in a terminal and in Jupyter, and nowhere else."""

import os
import sys
from collections.abc import Iterable
from typing import Any


def watched() -> bool:
    """Whether a bar makes sense: standard error is a terminal, or a person runs a notebook.

    Notebooks run by papermill or by pytest are not watched; MIA_PROGRESS=off silences every bar.
    """
    if os.environ.get("MIA_PROGRESS", "").lower() in ("off", "0", "no"):
        return False
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is not None and hasattr(shell, "kernel"):
        return "PYTEST_VERSION" not in os.environ
    return sys.stderr is not None and sys.stderr.isatty()


def progress(items: Iterable, label: str, total: int | None = None, unit: str = "it") -> Any:
    """The items, with a bar on standard error where someone watches."""
    from tqdm import tqdm

    return tqdm(items, desc=label, total=total, unit=unit, leave=False, disable=not watched())

"""The method by hand beside the package's: whether both agree, and the package's own source on the page."""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from mia_core.studies.study import Study


def agree(by_hand: ArrayLike, by_package: ArrayLike, tolerance: float = 1e-6) -> None:
    """Print whether two results, numbers or arrays of one shape, are equal to a tolerance in every element.

    The line has no number that varies, so it can be compared between machines as long as both agree; if they do not,
    it says by how much. Where both have NaN in the same place, they agree there.
    """
    first, second = np.asarray(by_hand, float), np.asarray(by_package, float)
    if first.shape != second.shape:
        print(f"by hand and by the package: DIFFERENT SHAPES, {first.shape} and {second.shape}")
    elif np.allclose(first, second, rtol=0, atol=tolerance, equal_nan=True):
        print(f"by hand and by the package: equal to {tolerance:g}")
    else:
        print(f"by hand and by the package: DIFFERENT, by up to {np.max(np.abs(first - second)):g}")


def source(of: Callable[..., Any]) -> None:
    """Show the source of a function, method or class of the package as code, from the file that runs.

    Its docstring is left out, since the page explains it.
    """
    from IPython.display import Markdown, display

    text = inspect.cleandoc("\n" + inspect.getsource(of))
    written = inspect.getdoc(of) and of.__doc__
    if written:
        lines = text.splitlines()
        first = next(number for number, line in enumerate(lines) if line.lstrip().startswith('"""'))
        last = first + written.count("\n")
        text = "\n".join(lines[:first] + lines[last + 1 :])
    display(Markdown(f"```python\n{text}\n```"))


def of_images(study: "Study") -> "Study":
    """The study, where its data are images, as the CNN that a chapter writes out needs them; for a table the same study
    on the digits. Says so, and trains nothing."""
    if not study.dataset.is_table:
        return study
    from mia_core.studies.study import Study

    print(f"{study.dataset.name} is a table, and this network takes images: by hand it is done on the digits")
    return Study(study.settings.replace(dataset="digits", network="cnn", part=None), study.store)

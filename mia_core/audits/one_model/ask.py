"""Asks a model about inputs: a function, a fitted scikit-learn classifier or a torch module, in batches."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mia_core.base.errors import ArrayError
from mia_core.base.messages import brief, one_line
from mia_core.gate.arrays import SUM_TOLERANCE
from mia_core.gate.posteriors import log_posteriors

BATCH = 8192
"""Rows asked at a time: enough for fast products, few enough for the memory of a small GPU."""
BY_DESIGN = ("SVC", "NuSVC", "KNeighborsClassifier", "RadiusNeighborsClassifier", "GaussianProcessClassifier")
"""Classifiers of scikit-learn that hold rows of their training data as they are, whatever an attack finds."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What a model said about N inputs.

    values     float64 [N, K], logits where it gives logits, else logarithms of its posteriors
    posteriors float64 [N, K] where it gives posteriors, else None
    notes      what was converted on the way, one sentence each
    """

    values: NDArray[np.float64]
    posteriors: NDArray[np.float64] | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Asked:
    """A model as a function of inputs, with what is known of it.

    classes  its labels in the order of its columns, None where unknown
    floor    probabilities below this are taken for it; 0 leaves them alone. A forest of T trees says 0 where it means
             less than about 1 / T: taken as it is, such a zero is an outlier that spoils every estimate of a spread
    keeps_rows  its class, where that holds training rows by design
    """

    function: Callable[[Any], Any]
    classes: tuple[Any, ...] | None = None
    floor: float = 0.0
    keeps_rows: str | None = None

    def answer(self, inputs: Any, what: str) -> Answer:
        """What the model says about `inputs`, which error messages call `what`.

        Raises `ArrayError`, one line, where it fails or gives anything but one row of K >= 2 numbers per input.
        """
        table = np.concatenate([self._batch(inputs, rows, what) for rows in _batches(rows_of(inputs, what))])
        return _read(table, self.floor, what)

    def _batch(self, inputs: Any, rows: slice, what: str) -> NDArray[np.float64]:
        part, size = take(inputs, rows), rows.stop - rows.start
        place = f"predict: {what} {rows.start} to {rows.stop - 1}"
        try:
            found = self.function(part)
        except Exception as error:  # whatever a foreign model raises
            reason = one_line(error, 200) or "without a message"
            raise ArrayError(f"{place}: it failed with {type(error).__name__}: {reason}") from None
        found = found.detach().cpu().numpy() if hasattr(found, "detach") else found
        try:
            table = np.asarray(found, dtype=np.float64)
        except (TypeError, ValueError):
            raise ArrayError(f"{place}: found {brief(found)}; expected numbers [{size}, K]") from None
        table = table[:, None] if table.ndim == 1 else table
        if table.ndim != 2 or len(table) != size or table.shape[1] == 0:
            raise ArrayError(f"{place}: found shape {np.shape(found)}; expected one row per input, [{size}, K]")
        return table


def askable(model: Any, floor: float | None = None) -> Asked:
    """A model, whatever its kind, as something that can be asked.

    model  a function from a batch of inputs to probabilities or logits [n, K], the `predict_proba` of a fitted
           scikit-learn classifier or that classifier, or a torch module. A module is asked in evaluation mode and
           without gradients, on its own device, and is afterwards in the mode in which it was
    floor  see `Asked`; None takes 1 / (4 x trees) for forests and 0 for others

    Raises `ArrayError` for what cannot be asked.
    """
    if _is_module(model):
        return Asked(lambda batch: _ask_module(model, batch), floor=floor or 0.0)
    owner = getattr(model, "__self__", model)
    function = getattr(model, "predict_proba", model)
    if not callable(function):
        raise ArrayError(
            f"model: found {brief(model)}; expected a function, a classifier with predict_proba or a torch module"
        )
    classes = getattr(owner, "classes_", None)
    inner = _innermost(owner)
    kind = type(inner).__name__
    trees = len(getattr(inner, "estimators_", ())) if "Forest" in kind or "ExtraTrees" in kind else 0
    if floor is None:
        floor = 1 / (4 * trees) if trees else 0.0
    keeps = kind if kind in BY_DESIGN else None
    return Asked(function, None if classes is None else tuple(np.asarray(classes).tolist()), floor, keeps)


def coded(labels: Any, classes: tuple[Any, ...] | None, columns: int, what: str) -> NDArray[np.int64]:
    """Labels [N] of any kind as columns 0 ... K - 1 of the model: int64 [N].

    classes  the model's, where known. Otherwise whole numbers 0 ... K - 1 are taken as they are, and other labels, such
             as text, in sorted order where there are K of them
    Raises `ArrayError` that names the label that the model does not know.
    """
    values = np.asarray(getattr(labels, "to_numpy", lambda: labels)())
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise ArrayError(f"{what}: labels: found shape {values.shape}; expected one label per row")
    if classes is None:
        found = np.unique(values.astype(str) if values.dtype.kind == "O" else values)
        whole = values.dtype.kind in "iub" or (values.dtype.kind == "f" and (values == np.floor(values)).all())
        if whole and found.min() >= 0 and found.max() < columns:
            return values.astype(np.int64)
        if len(found) != columns or values.dtype.kind == "f":
            raise ArrayError(
                f"{what}: labels: found {len(found)} different ones ({', '.join(map(str, found[:5]))}...); expected "
                f"whole numbers 0 to {columns - 1}, or {columns} names in the sorted order of the model's columns"
            )
        classes, values = tuple(found.tolist()), values.astype(str) if values.dtype.kind == "O" else values
    if len(classes) != columns:
        raise ArrayError(f"{what}: found {columns} columns of a model with {len(classes)} classes; expected as many")
    place = {label: column for column, label in enumerate(classes)}
    unknown = [label for label in dict.fromkeys(values.tolist()) if label not in place]
    if unknown:
        known = ", ".join(one_line(label, 30) for label in classes[:5])
        raise ArrayError(f"{what}: labels: found {brief(unknown[0])}; expected a class of the model ({known}, ...)")
    return np.array([place[label] for label in values.tolist()], dtype=np.int64)


def _read(table: NDArray[np.float64], floor: float, what: str) -> Answer:
    notes = []
    if np.isnan(table).any():
        row = int(np.flatnonzero(np.isnan(table).any(axis=1))[0])
        raise ArrayError(f"predict: {what}: found NaN, first in row {row}; expected probabilities or logits")
    if table.shape[1] == 1:
        probable = table.min() >= 0 and table.max() <= 1
        table = np.hstack([1 - table, table]) if probable else np.hstack([np.zeros_like(table), table])
        notes.append(f"a single {'probability' if probable else 'logit'} per row was read as that of class 1 of two")
    if table.min() < 0 or table.max() > 1:
        if not (np.isfinite(table).any(axis=1) & (table < np.inf).all(axis=1)).all():
            raise ArrayError(f"predict: {what}: found rows without a finite number; expected probabilities or logits")
        notes.append("the model's outputs were read as logits, since they are not all between 0 and 1")
        return Answer(table, None, tuple(notes))
    sums = table.sum(axis=1)
    if (np.abs(sums - 1) > SUM_TOLERANCE).any():
        row = int(np.argmax(np.abs(sums - 1)))
        raise ArrayError(
            f"predict: {what}: found numbers between 0 and 1 of which row {row} sums to {sums[row]:.4g}, as several "
            "labels per row have it; expected probabilities of classes that exclude each other, or logits"
        )
    clipped = np.maximum(table, floor) if floor else table
    return Answer(log_posteriors(clipped), table, tuple(notes))


def _innermost(estimator: Any) -> Any:
    """The classifier inside pipelines and searches for settings."""
    while True:
        steps = getattr(estimator, "steps", None)
        inner = steps[-1][1] if steps else getattr(estimator, "best_estimator_", None)
        if inner is None:
            return estimator
        estimator = inner


def _is_module(model: Any) -> bool:
    return any(kind.__module__.startswith("torch.nn") and kind.__name__ == "Module" for kind in type(model).__mro__)


def _ask_module(module: Any, batch: Any) -> Any:
    import torch

    modes = {part: part.training for part in module.modules()}
    like = next(module.parameters(), None)
    device = torch.device("cpu") if like is None else like.device
    tensor = batch if isinstance(batch, torch.Tensor) else torch.as_tensor(np.asarray(batch))
    if like is not None and like.is_floating_point() and tensor.dtype == torch.float64:
        tensor = tensor.to(like.dtype)
    try:
        module.eval()
        with torch.no_grad():
            return module(tensor.to(device)).double().cpu()
    finally:
        for part, training in modes.items():
            part.training = training


def _batches(count: int) -> Iterator[slice]:
    return (slice(start, min(start + BATCH, count)) for start in range(0, count, BATCH))


def rows_of(inputs: Any, what: str) -> int:
    count = inputs.shape[0] if getattr(inputs, "shape", ()) else len(inputs) if hasattr(inputs, "__len__") else 0
    if count == 0:
        raise ArrayError(f"{what}: found no rows; expected at least one")
    return int(count)


def take(inputs: Any, rows: slice | NDArray[Any]) -> Any:
    """Some rows of inputs, in the form in which they came."""
    if hasattr(inputs, "iloc"):
        return inputs.iloc[rows]
    if hasattr(inputs, "shape") or isinstance(rows, slice):
        return inputs[rows]
    return [inputs[row] for row in rows.tolist()]


def join(first: Any, second: Any) -> Any:
    """Two lots of inputs of one kind, one after the other. Raises `ArrayError` where they do not fit together."""
    try:
        if hasattr(first, "iloc"):
            import pandas as pd

            return pd.concat([first, second], ignore_index=True)
        if hasattr(first, "detach"):
            import torch

            return torch.cat([first, second])
        if hasattr(first, "tocsr"):
            from scipy.sparse import vstack

            return vstack([first, second]).tocsr()
        if isinstance(first, list):
            return [*first, *second]
        return np.concatenate([np.asarray(first), np.asarray(second)])
    except (TypeError, ValueError) as error:
        raise ArrayError(f"members and non_members: inputs that do not fit together: {one_line(error)}") from None

"""The one gate for arrays: whatever comes from outside is checked and normalised here, once.

Behind it the package relies on float64 posteriors [N, K] whose rows sum to 1, boolean members [N] with both sides
present, and int64 labels [N] in 0 ... K - 1. An error is one line: source, array, what was found, what was expected.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mia_core.base.errors import ArrayError
from mia_core.base.messages import one_line
from mia_core.gate.posteriors import softmax

CODING = "1 (or true) = member, 0 (or false) = non-member"
SUM_TOLERANCE = 1e-3
"""How far a row of posteriors may sum from 1, and how far posteriors may be from the softmax of logits next to them.

Wide enough for float32 and for values rounded to four decimals, far too narrow for anything that is no posterior.
"""
SUM_TOLERANCE_FLOAT16 = 5e-3
"""The same for arrays saved as float16, which keeps three digits."""
EXACT = 2**53
"""Up to here float64 holds every whole number."""
CLOSE = 0.1
"""Rows that sum to more than 1 by this much were not cut or rounded."""


@dataclass(frozen=True, eq=False)
class Outputs:
    """What a model said about N examples: checked by `check_outputs` and `read_outputs`, or of a run of our own.

    posteriors: float64 [N, K], K >= 2, as given (never renormalised); members: bool [N], true = the model trained on
    it; labels: int64 [N] in 0 ... K - 1, or None; logits: float64 [N, K], or None, minus infinity for a posterior of
    zero; source: where the arrays come from; notes: what was converted on the way in, one sentence each.
    """

    posteriors: NDArray[np.float64]
    members: NDArray[np.bool_]
    labels: NDArray[np.int64] | None
    logits: NDArray[np.float64] | None
    source: str
    notes: tuple[str, ...] = ()

    @property
    def classes(self) -> int:
        """K, the number of classes."""
        return self.posteriors.shape[1]

    @property
    def correct(self) -> NDArray[np.bool_] | None:
        """Whether the most probable class is the label, bool [N]; None without labels."""
        return None if self.labels is None else self.posteriors.argmax(axis=1) == self.labels


def check_scores(scores: Any, members: Any, source: str = "scores") -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Attack scores, one for each example, higher = more likely a member, and the membership they are judged by.

    Both [N] or [N, 1]. Returns float64 [N] and bool [N]. Raises `ArrayError` for lengths that disagree, values that
    are not finite (with their count and the first row), another coding of membership, or a side without examples.
    """
    gate = Gate(source)
    given = {"scores": gate.numeric("scores", scores), "members": gate.numeric("members", members)}
    gate.equal_lengths(given)
    return gate.finite("scores", gate.column("scores", given["scores"])), gate.members(given["members"])


class Gate:
    """The checks on one source, which share its name and its list of notes."""

    def __init__(self, source: str, names: Mapping[str, str] | None = None, notes: Iterable[str] = ()) -> None:
        self.source, self.names, self.notes = one_line(source), names or {}, list(notes)

    def refuse(self, role: str, found: str, expected: str) -> ArrayError:
        """The error that says what was found in the array of this role, and what was expected."""
        name = self.names.get(role, role)
        shown = name if name == role else f"{name} ({role})"
        return ArrayError(f"{self.source}: {shown}: found {found}; expected {expected}")

    def numeric(self, role: str, value: Any) -> NDArray[Any]:
        """`value` as an array of numbers; text, objects, complex numbers, dates and records are refused."""
        try:
            array = np.asarray(value)
        except Exception as error:  # whatever a foreign object raises when asked for its array
            raise self.refuse(role, f"no array ({one_line(error, 100)})", "an array of numbers") from None
        if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
            raise self.refuse(role, _count(value.mask, "masked value"), "a value everywhere")
        self.refuse_dtype(role, array.dtype)
        return array

    def refuse_dtype(self, role: str, dtype: np.dtype[Any]) -> None:
        """Refuses any type but booleans, whole numbers and real numbers."""
        if dtype.kind not in "biuf":
            kind = {"U": "text", "S": "text", "T": "text", "O": "Python objects", "c": "complex numbers"}
            expected = CODING if role == "members" else "real numbers"
            raise self.refuse(role, kind.get(dtype.kind, "neither numbers nor booleans") + f" ({dtype})", expected)

    def equal_lengths(self, given: Mapping[str, NDArray[Any]]) -> None:
        """All arrays must have the same first dimension N, and N must not be 0."""
        shapes = ", ".join(f"{self.names.get(role, role)} {array.shape}" for role, array in given.items())
        lengths = {array.shape[0] if array.ndim else None for array in given.values()}
        if len(lengths) > 1 or None in lengths:
            raise ArrayError(f"{self.source}: found {shapes}; expected the same number of rows in all")
        if lengths == {0}:
            raise ArrayError(f"{self.source}: found no examples ({shapes}); expected members and non-members")

    def finite(self, role: str, array: NDArray[Any]) -> NDArray[np.float64]:
        """`array` as float64, without NaN and infinities; no two whole numbers become one.

        Logits may be minus infinity, as filters of the largest ones write: a posterior of zero. A row that holds
        nothing else is no distribution.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            values = np.ascontiguousarray(array, dtype=np.float64)
        wrong, expected = ~np.isfinite(values), "finite numbers"
        if role == "logits" and values.ndim == 2 and wrong.any():
            nothing, expected = wrong.all(axis=1), "finite numbers, or minus infinity next to a finite one"
            wrong &= (values != -np.inf) | nothing[:, None]
        if wrong.any():
            first = int(np.flatnonzero(wrong.reshape(len(values), -1).any(axis=1))[0])
            found = f"{_count(wrong, 'value')} not finite (NaN or infinite), the first in row {first}"
            raise self.refuse(role, found, expected)
        large = np.abs(values) >= EXACT if array.dtype.kind in "iu" and array.dtype.itemsize == 8 else None
        if large is not None and large.any() and len(np.unique(array[large])) > len(np.unique(values[large])):
            found = f"{_count(large, 'whole number')} beyond 2**53, some of which float64 cannot tell apart"
            raise self.refuse(role, found, "numbers that it can, such as these less their smallest")
        return values

    def column(self, role: str, array: NDArray[Any]) -> NDArray[Any]:
        """`array` [N] or [N, 1] as [N]."""
        if array.ndim == 2 and array.shape[1] == 1:
            self.notes.append(f"{role}: shape {array.shape} read as ({array.shape[0]},)")
            array = array[:, 0]
        if array.ndim != 1:
            raise self.refuse(role, f"shape {array.shape}", f"one value for each example, ({array.shape[0]},)")
        return array

    def table(self, role: str, array: NDArray[Any]) -> NDArray[np.float64]:
        """`array` [N, K] of finite numbers, K >= 2; an output of another kind, such as a regression's, is named."""
        expected = "one row for each example and K >= 2 columns"
        if array.ndim == 1 or array.shape[1:] == (1,):
            values = self.finite(role, array.reshape(len(array), 1))
            least, most = values.min(), values.max()
            what, columns = "a single logit (or a regression's number)", ", such as 0 and the logit"
            if role == "posteriors" and least >= 0 and most <= 1:
                what, columns = "a single probability", ", such as 1 - p and p"
            elif role == "posteriors":
                what = f"a single number from {least:g} to {most:g} (as of a regression)"
                columns = "; a regression has no classes"
            found = f"shape {array.shape}: {what} for each example"
            raise self.refuse(role, found, f"{expected} (two classes need two columns{columns})")
        if array.ndim != 2 or array.shape[1] < 2:
            raise self.refuse(role, f"shape {array.shape}", expected)
        return self.finite(role, array)

    def posteriors(
        self, given: Mapping[str, NDArray[Any]], tables: Mapping[str, NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        """The posteriors, from the array of that name or from the logits; both must agree where both are there."""
        narrow = any(given[role].dtype == np.float16 for role in tables)
        tolerance = SUM_TOLERANCE_FLOAT16 if narrow else SUM_TOLERANCE
        if "posteriors" in tables:
            self.probabilities(tables["posteriors"], tolerance)
        if "logits" not in tables:
            return tables["posteriors"]
        if "posteriors" in tables and tables["posteriors"].shape != tables["logits"].shape:
            shapes = f"posteriors {tables['posteriors'].shape}, logits {tables['logits'].shape}"
            raise ArrayError(f"{self.source}: found {shapes}; expected equal shapes")
        computed = softmax(tables["logits"])
        if "posteriors" not in tables:
            return computed
        distance = np.abs(computed - tables["posteriors"]).max(axis=1)
        rows = np.flatnonzero(distance > tolerance)
        if len(rows):
            raise ArrayError(
                f"{self.source}: found posteriors and logits that contradict each other in {len(rows)} rows (row "
                f"{rows[0]}: by {distance[rows[0]]:.3g}); expected posteriors = softmax(logits) within {tolerance:g}"
            )
        return tables["posteriors"]

    def probabilities(self, values: NDArray[np.float64], tolerance: float) -> None:
        """Refuses rows that are negative somewhere or do not sum to 1, with a guess at what they are."""
        expected = f"probabilities, rows that sum to 1 within {tolerance:g}"
        sums = values.sum(axis=1)
        if (values < 0).any():
            row = int(np.flatnonzero((values < 0).any(axis=1))[0])
            logs = values.max() <= 0 and np.allclose(np.exp(values).sum(axis=1), 1, atol=tolerance)
            found = f"{_count(values < 0, 'negative value')}, the first in row {row}"
            guess = f"{'log-probabilities' if logs else 'logits'}? save them under the name logits"
            raise self.refuse("posteriors", found, f"{expected}; {guess}")
        wrong = np.abs(sums - 1) > tolerance
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            found = f"{int(wrong.sum())} of {len(sums)} rows that do not sum to 1 (row {row} sums to {sums[row]:.6g})"
            hint = "renormalise cut or rounded posteriors, or save logits under the name logits"
            if values.max() > 1 + tolerance:
                hint = "numbers above 1 are logits (save them under the name logits), or a regression's, not posteriors"
            elif wrong.mean() > 0.5 and sums.max() > 1 + CLOSE:
                hint = "each value is in 0 ... 1 by itself, as a multi-label model's sigmoids are; it has no one class"
            if np.abs(np.median(sums) - 100) <= 1:
                found, hint = f"percents: rows sum to 100 (row {row}: {sums[row]:.6g})", "divide by 100"
            raise self.refuse("posteriors", found, f"{expected}; {hint}")

    def members(self, array: NDArray[Any]) -> NDArray[np.bool_]:
        """Membership as bool [N]: booleans or 0/1, with at least one of each."""
        values = self.finite("members", self.column("members", array))
        others = np.unique(values[(values != 0) & (values != 1)])
        if len(others):
            shown = ", ".join(f"{value:g}" for value in np.unique(values)[:5])
            more = ", ..." if len(np.unique(values)) > 5 else ""
            raise self.refuse("members", f"the values {shown}{more}", CODING)
        members = values == 1
        if members.all() or not members.any():
            found = f"{int(members.sum())} members, {int((~members).sum())} non-members"
            raise self.refuse("members", found, "at least one of each")
        return members

    def labels(self, array: NDArray[Any], classes: int) -> NDArray[np.int64]:
        """True classes, also one-hot [N, K], as int64 [N] in 0 ... classes - 1."""
        expected = f"whole numbers in 0 ... {classes - 1}, one for each example"
        if array.ndim == 2 and array.shape[1] > 1:
            rows = self.finite("labels", array)
            if array.shape[1] != classes:
                raise self.refuse("labels", f"shape {array.shape}", expected)
            other = ((rows != 0) & (rows != 1)).any()
            if other or (rows.sum(axis=1) != 1).any():
                several = "" if other else ", as of a multi-label model: several classes or none"
                raise self.refuse("labels", f"shape {array.shape} with rows that are not one-hot{several}", expected)
            self.notes.append(f"labels: one-hot {array.shape} read as ({len(rows)},)")
            return rows.argmax(axis=1).astype(np.int64)
        column = self.column("labels", array)
        values = self.finite("labels", column)
        if (values != np.floor(values)).any():
            row = int(np.flatnonzero(values != np.floor(values))[0])
            hint = "; a regression has no classes" if (values != np.floor(values)).mean() > 0.5 else ""
            raise self.refuse("labels", f"{values[row]:g} in row {row}", expected + hint)
        outside = (values < 0) | (values >= classes)
        if outside.any():
            row = int(np.flatnonzero(outside)[0])
            found = f"{_count(outside, 'value')} outside the range (row {row}: {values[row]:g})"
            hint = "; do they count from 1?" if values.min() == 1 and values.max() == classes else ""
            raise self.refuse("labels", found, expected + hint)
        if column.dtype.kind == "f":
            self.notes.append(f"labels: {column.dtype} read as whole numbers")
        return values.astype(np.int64)


def _count(which: NDArray[np.bool_], noun: str) -> str:
    number = int(which.sum())
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

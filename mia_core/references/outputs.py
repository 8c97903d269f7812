"""What M models say about N examples, seen from one target: the rows an attack may read, without copying them.

The target's own row of `members` is never read here, so no attack can see the answer.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mia_core.attacks.contract import Flags, Floats
from mia_core.base.errors import ArrayError, SettingsError

BLOCK = 2**17
"""Numbers of one block of examples, 1 MiB as float64: it stays in a core's cache while an attack passes over it."""


@dataclass(frozen=True, eq=False)
class References:
    """One statistic of every model on every example, and which of the models are the target's references.

    statistics  float [M, N], or [M, N, Q] for Q augmented queries of each example; higher = more like a member (see
                `mia_core.references.statistics`)
    members     bool [M, N], the model trained on the example
    target      row of the model under attack
    partner     row left out together with the target: its complement in complementary pairs. None only where the rows
                of `members` are independent of each other, as in `random_halves`; otherwise the number of references
                that hold an example gives the target's membership away (see `mia_core.data.splits.pairs`)
    asked       number of references to use, the first ones in order of rows; None: all

    Raises `ArrayError` for shapes that do not fit, values that are not finite, or no reference at all, and
    `SettingsError` for rows that do not exist or for more references than there are.
    """

    statistics: NDArray[Any]
    members: Flags
    target: int
    partner: int | None
    asked: int | None = None

    def __post_init__(self) -> None:
        shape = self.statistics.shape
        if self.statistics.ndim not in (2, 3) or 0 in shape or self.statistics.dtype.kind not in "fiu":
            raise ArrayError(
                f"statistics: found {self.statistics.dtype} {shape}; expected numbers [M, N] or [M, N, Q], none empty"
            )
        if self.members.dtype != bool or self.members.shape != shape[:2]:
            raise ArrayError(
                f"members: found {self.members.dtype} {self.members.shape}; expected bool {shape[:2]} as in statistics"
            )
        for name, row in (("target", self.target), ("partner", self.partner)):
            if row is not None and not 0 <= row < shape[0]:
                raise SettingsError(f"{name}: expected a row from 0 to {shape[0] - 1}, found {row}")
        if self.partner == self.target:
            raise SettingsError(f"partner: expected another row than the target's, found {self.partner} for both")
        self._check_finite()
        others = len(self._others())
        if others == 0:
            raise ArrayError(f"statistics: found {shape[0]} models, no reference besides target and partner")
        if self.asked is not None and not 1 <= self.asked <= others:
            raise SettingsError(f"references: asked for {self.asked}, found {others}")

    def _check_finite(self) -> None:
        # The sum costs no temporary array; only a suspicious one is worth a look at every value.
        with np.errstate(all="ignore"):
            if np.isfinite(self.statistics.sum()):
                return
        bad = np.argwhere(~np.isfinite(self.statistics))
        if len(bad):
            model, example = bad[0][:2]
            raise ArrayError(
                f"statistics: found {len(bad)} values that are not finite, first at model {model}, example {example}"
            )

    def _others(self) -> NDArray[np.intp]:
        rows = np.arange(len(self.statistics))
        return rows[(rows != self.target) & (rows != (-1 if self.partner is None else self.partner))]

    @property
    def rows(self) -> NDArray[np.intp]:
        """The R rows that are references, in order."""
        return self._others()[: self.asked]

    @property
    def examples(self) -> int:
        """N."""
        return self.statistics.shape[1]

    @property
    def queries(self) -> int:
        """Q, 1 for statistics [M, N]."""
        return self.statistics.shape[2] if self.statistics.ndim == 3 else 1

    def of_target(self, query: int = 0) -> Floats:
        """The target's own statistic, float64 [N]."""
        return self._query(query)[self.target].astype(np.float64)

    def columns(self) -> Iterator[slice]:
        """Blocks of neighbouring examples of nearly equal size, which together are all of them."""
        # Equal sizes leave no rest of a single example, whose sums numpy would form in another order.
        blocks = -(-self.examples * len(self.rows) // BLOCK)
        edges = np.linspace(0, self.examples, min(max(blocks, 1), max(self.examples // 2, 1)) + 1).astype(int)
        return (slice(start, stop) for start, stop in itertools.pairwise(edges.tolist()))

    def values(self, columns: slice, query: int = 0) -> Floats:
        """The references' statistics on a block of n examples: a new C-ordered float64 [R, n]."""
        return np.ascontiguousarray(self._query(query)[self.rows, columns], dtype=np.float64)

    def inside(self, columns: slice) -> Flags:
        """Which references trained on which example of a block: bool [R, n]."""
        return np.ascontiguousarray(self.members[self.rows, columns])

    def counts(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Number of IN references (that trained on the example) and of OUT references: int64 [N] each."""
        inside = sum(self.members[row].astype(np.int64) for row in self.rows)
        return inside, len(self.rows) - inside

    def _query(self, query: int) -> NDArray[Any]:
        return self.statistics[..., query] if self.statistics.ndim == 3 else self.statistics


def held_out(members: Flags) -> Flags:
    """The examples that no model of `members` [M, N] trained on, bool [N]: where a population may be drawn from.

    These should be examples outside the pool, as `mia_core.data.splits.pairs` has them: an example of the pool that
    happens to be in no model is a non-member of the target by that very choice.
    """
    return ~members.any(axis=0)

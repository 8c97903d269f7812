"""What M models answer to an outsider, and one target's side of it: all that an attack with references may read."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mia_core.attacks.contract import Flags, Floats, Labels
from mia_core.defenses import Combination, having, seen
from mia_core.gate.posteriors import LOG_FLOOR, log_posteriors
from mia_core.references.outputs import References
from mia_core.references.statistics import STATISTICS


@dataclass(frozen=True, eq=False)
class Answers:
    """The outputs of M models for P examples of the pool and then Z of the population, each asked Q times.

    values   [M, Q, P + Z, K], logits or, behind an output-stage defense, logarithms of what it leaves of posteriors;
             minus infinity is a posterior of zero
    labels   int64 [P + Z], a canary's being its wrong one
    members  bool [M, P + Z], False for the population
    pool     P
    """

    values: NDArray
    labels: Labels
    members: Flags
    pool: int
    kept: dict[str, Floats] = field(default_factory=dict, repr=False)

    def statistic(self, name: str) -> Floats:
        """One of `mia_core.references.statistics.STATISTICS`, float64 [M, P + Z, Q]; computed once."""
        if name not in self.kept:
            # One by one, which bounds the memory.
            by_model = [STATISTICS[name](without_zeros(values), self.labels) for values in self.values]
            self.kept[name] = np.moveaxis(np.stack(by_model), 1, 2)
        return self.kept[name]


def seen_as_logits(defenses: Combination, logits: NDArray) -> NDArray:
    """`seen` in a form that keeps small posteriors apart: the logits themselves without an output-stage defense, else
    logarithms, where a zero posterior becomes log(`mia_core.gate.posteriors.LOG_FLOOR`)."""
    return log_posteriors(seen(defenses, logits)) if having(defenses, "outputs") else logits


def without_zeros(values: NDArray) -> NDArray:
    """`values` [..., K] of `Answers`, every zero posterior taken as half of the smallest one that is not zero.

    A mask hides posteriors that are smaller than those it shows; that is all an attacker knows of them. Were they taken
    for next to nothing, a hidden true class would be an outlier by dozens of units, which spoils the variances that
    LiRA estimates: the mask would look like protection.
    """
    hidden = (values == np.log(LOG_FLOOR)) | np.isneginf(values)
    if not hidden.any():
        return values
    least = np.where(hidden, np.inf, values).min(axis=-1, keepdims=True)
    return np.where(hidden, least - np.log(2), values)


@dataclass(frozen=True, eq=False)
class View:
    """One target among its references.

    rows     models that count at all, the target and its partner among them
    target   the model under attack; partner: its complement, left out with it, or None
    asked    number of references to use; None: all
    """

    answers: Answers
    rows: tuple[int, ...]
    target: int
    partner: int | None
    asked: int | None = None

    def pool(self, statistic: str) -> References:
        """The target and its references on the pool."""
        return self._references(statistic, slice(0, self.answers.pool))

    def population(self, statistic: str) -> References | None:
        """The same on the population; None where there is none."""
        if self.answers.pool == len(self.answers.labels):
            return None
        return self._references(statistic, slice(self.answers.pool, None))

    def of_target(self, statistic: str, population: bool = False) -> Floats:
        """The target's statistic on the pool, or on the population, mean over queries: float64 [P] or [Z]."""
        values = self.answers.statistic(statistic)[self.target].mean(axis=-1)
        return values[self.answers.pool :] if population else values[: self.answers.pool]

    @property
    def references(self) -> int:
        """Number of references."""
        return self.asked or len(self.rows) - (1 if self.partner is None else 2)

    @property
    def reference_rows(self) -> tuple[int, ...]:
        """The models that are references, the first `asked` without the target and its partner."""
        return tuple(row for row in self.rows if row not in (self.target, self.partner))[: self.asked]

    def membership(self) -> Flags:
        """The answer, bool [P]: for judging, never for scoring."""
        return self.answers.members[self.target, : self.answers.pool]

    def held(self) -> Flags:
        """Which of the pool some reference trained on, bool [P]; all, where none trained on any.

        Among examples of which references hold some, one that none holds gives away that it is not of the pool that
        the models draw from, and so no member: it is not to be judged.
        """
        found = self.answers.members[list(self.reference_rows), : self.answers.pool].any(axis=0)
        return found if found.any() else ~found

    def stand_in(self) -> "View | None":
        """A reference as target, with the other references as its own: what an attacker tries a threshold on.

        The real target and its partner are left out. It is the next model, of pairs the one at the target's place in
        the next pair: another one for every target, so that an interval over targets holds the chance in it too. None
        where too few models are left.
        """
        others = self.reference_rows
        step = 1 if self.partner is None else 2
        chosen = next((row for row in others if row >= self.target + step), None)
        if chosen is None:  # behind the last one comes the first
            chosen = next((row for row in others if (row - self.target) % step == 0), None)
        partner = None if self.partner is None or chosen is None else chosen ^ 1
        if chosen is None or len(others) - step < 2 or (partner is not None and partner not in others):
            return None
        return replace(self, rows=others, target=chosen, partner=partner, asked=None)

    def _references(self, statistic: str, columns: slice) -> References:
        rows = list(self.rows)
        values = self.answers.statistic(statistic)[rows, columns]
        partner = None if self.partner is None else rows.index(self.partner)
        return References(
            values if values.shape[-1] > 1 else values[..., 0],
            self.answers.members[rows, columns],
            rows.index(self.target),
            partner,
            self.asked,
        )

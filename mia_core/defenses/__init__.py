"""Defenses, one file each, and combinations of them: tuples in a fixed order, read from and written as text.

A new defense is one file in this folder, with a class derived from `Defense`, and its test: whatever lists the defenses
reads `DEFENSES`.
"""

import re
from collections.abc import Iterable, Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import get_args

import numpy as np

from mia_core.base.errors import SettingsError
from mia_core.base.messages import brief, nearest, one_line
from mia_core.defenses.base import ALONE, Defense, Stage
from mia_core.gate.posteriors import softmax


def _found() -> Iterator[type[Defense]]:
    for module in iter_modules(__path__, f"{__name__}."):
        for kind in vars(import_module(module.name)).values():
            ours = isinstance(kind, type) and issubclass(kind, Defense) and kind.__module__ == module.name
            if ours and kind is not Defense:
                yield kind


DEFENSES: dict[str, type[Defense]] = {
    kind.name: kind for kind in sorted(_found(), key=lambda kind: (get_args(Stage).index(kind.stage), kind.order))
}
"""All defenses by name, in the order in which a combination is named and applied: by stage, then by `order`."""

Combination = tuple[Defense, ...]

# The rows of the report's Table I, in its order.
REPORT_COMBINATIONS = (
    "none",
    "dropout",
    "smoothing",
    "masking",
    "dropout+smoothing",
    "dropout+masking",
    "smoothing+masking",
    "dropout+smoothing+masking",
)

_ONE = re.compile(r"\s*([\w-]+)\s*(?:\((.*)\))?\s*", re.DOTALL)


def combination(spec: "str | Defense | Iterable[Defense | str]") -> Combination:
    """A combination from text such as "dropout+smoothing(epsilon=0.2)", from one defense, or from several.

    "none" and the empty tuple are the undefended model. The result is in the order of `DEFENSES`.
    Raises `SettingsError` for an unknown defense or setting, a defense given twice, or two that would both stand in the
    place of the same thing, such as the loss.
    """
    if isinstance(spec, Defense):
        parts: list[Defense] = [spec]
    elif isinstance(spec, str):
        parts = [] if spec.strip() == "none" else [_parse_one(text) for text in _split(spec, "+")]
    elif isinstance(spec, Iterable):
        parts = [part if isinstance(part, Defense) else _parse_one(str(part)) for part in spec]
    else:
        raise SettingsError(f"defenses: expected names joined by +, found {brief(spec)}")
    names = [part.name for part in parts]
    for name in names:
        if names.count(name) > 1:
            raise SettingsError(f"defenses: {name} is given twice in one combination")
    shaped = [part for part in parts if part.shapes_weights and part.acts]
    for part in shaped:
        if part.by_itself and len(shaped) > 1:
            raise SettingsError(
                f"defenses: {part.name} stands by itself; beside it only defenses on the output can stand"
            )
    for hook, does in ALONE.items():
        alone = [part.name for part in parts if part.has(hook)]
        if len(alone) > 1:
            raise SettingsError(f"defenses: {alone[0]} and {alone[1]} both {does}; give one of them in a combination")
    return tuple(sorted(parts, key=lambda part: list(DEFENSES).index(part.name)))


def split_combinations(text: str) -> list[str]:
    """Combinations from a comma-separated list; "all" stands for the eight of the report's Table I."""
    words: list[str] = []
    for word in _split(text, ","):
        words.extend(REPORT_COMBINATIONS if word.strip() == "all" else [word.strip()])
    return words


def describe(defenses: Combination) -> str:
    """The name of a combination: "none", or names joined by + with those settings that are not the defaults."""
    return "+".join(str(defense) for defense in defenses) or "none"


def shaping(defenses: Combination) -> Combination:
    """The part of a combination that shapes the weights: the model and training stages."""
    return tuple(defense for defense in defenses if defense.shapes_weights)


def having(defenses: Combination, *hooks: str) -> Combination:
    """Those that act and have one of these hooks of `Defense`, by name."""
    return tuple(defense for defense in defenses if any(map(defense.has, hooks)))


def same_predictions(one: str, other: str) -> bool:
    """Whether two combinations by name answer with the same classes by construction: the same models are asked, and
    everything behind them keeps the predicted class. False for what is no combination."""
    try:
        first, second = combination(one), combination(other)
    except SettingsError:
        return False
    behind = (part for part in (*first, *second) if not part.shapes_weights)
    return shaping(first) == shaping(second) and all(part.keeps_prediction for part in behind)


def apply_outputs(defenses: Combination, posteriors: np.ndarray) -> np.ndarray:
    """The posteriors [..., K] that the output-stage defenses leave, applied in order."""
    for defense in having(defenses, "outputs"):
        posteriors = defense.outputs(posteriors)
    return posteriors


def seen(defenses: Combination, logits: np.ndarray) -> np.ndarray:
    """What anyone outside sees of a model that answered `logits` [..., K]: posteriors behind its output-stage defenses,
    float64 [..., K]."""
    return apply_outputs(defenses, softmax(logits))


def defenses_help() -> str:
    """What a combination is, with all defenses, for help texts."""
    return (
        f"Combinations with commas (default all eight of the report), such as none,dropout+smoothing(epsilon=0.2). "
        f"Known: {', '.join(['none', *DEFENSES])}."
    )


def _split(text: str, separator: str) -> list[str]:
    """Split where the separator stands outside of parentheses."""
    return re.split(rf"{re.escape(separator)}(?![^(]*\))", text)


def _parse_one(text: str) -> Defense:
    match = _ONE.fullmatch(text)
    if not match:
        raise SettingsError(
            f"defenses: cannot read {brief(text)}; expected a form such as dropout+smoothing(epsilon=0.2)"
        )
    name, inside = match.groups()
    if name == "none":
        raise SettingsError(
            "defenses: none is the undefended model and stands alone, without other defenses or settings"
        )
    if name not in DEFENSES:
        raise SettingsError(f"defenses: unknown defense {one_line(name, 60)}; {nearest(name, ['none', *DEFENSES])}")
    values = {}
    for pair in filter(str.strip, (inside or "").split(",")):
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not equals:
            raise SettingsError(f"defenses: {name}: expected setting=value in parentheses, found {one_line(pair, 60)}")
        if key in values:
            raise SettingsError(f"defenses: {name}: {one_line(key, 60)} is given twice")
        values[key] = value
    try:
        return DEFENSES[name](**values)
    except SettingsError as error:
        raise SettingsError(f"defenses: {name}: {error}") from None

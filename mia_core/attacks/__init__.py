"""Attacks that are fitted on one shadow's outputs and score a target's, whose membership they never see.

One file for each attack or family, with its records at the end. To add an attack: `attacks/NAME.py` with a subclass of
`contract.Attack` and `RECORDS`, and its test. It is then known by name to `mia attack`, `mia study`, their help and
the tests that hold for every attack.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from mia_core.attacks.adversary1 import Adversary1Settings
from mia_core.attacks.contract import Attack, ShadowRecord, discover
from mia_core.base.errors import SettingsError
from mia_core.base.messages import brief, nearest
from mia_core.base.settings import Number, Whole

_records: list[ShadowRecord] = discover(__name__, __path__)
EVERY = tuple(record.name for record in _records)
"""What the word "all" stands for: every attack once, without its aliases."""
ATTACKS: dict[str, ShadowRecord] = {record.name: record for record in _records}
"""Attacks by name, then by alias."""
ATTACKS |= {alias: record for record in _records for alias in record.aliases}


def _names(value: Any) -> Any:
    """A list of names, or text with commas; "all" stands for `EVERY`."""
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, (list, tuple)) or not given:
        raise ValueError(f"expected one or more attacks, found {brief(value)}")
    names: list[Any] = []
    for item in given:
        for word in item.split(",") if isinstance(item, str) else [item]:
            name = word.strip() if isinstance(word, str) else word
            names += EVERY if name == "all" else [name]
    for name in names:
        if not isinstance(name, str) or name not in ATTACKS:
            known = nearest(name if isinstance(name, str) else brief(name), list(ATTACKS))
            raise ValueError(f"found the unknown attack {brief(name)}; {known}")
    if len(set(names)) < len(names):
        raise ValueError(f"expected each attack once, found {', '.join(names)}")
    return tuple(names)


class AttackSettings(Adversary1Settings):
    """Which attacks run, in which direction, and how their intervals are made.

    attacks     names from `ATTACKS`, or "all" for all of them
    direction   "shadow_to_target" fits on the shadow and attacks the target; "target_to_shadow" is the reverse, which
                the report's published code did
    replicates  of the bootstrap over examples; 0 for no such intervals
    confidence  of all intervals
    """

    attacks: Annotated[tuple[str, ...], BeforeValidator(_names)] = ("adversary1",)
    direction: Literal["shadow_to_target", "target_to_shadow"] = "shadow_to_target"
    replicates: Annotated[Whole, Field(ge=0, le=100_000)] = 1000
    confidence: Annotated[Number, Field(gt=0, lt=1)] = 0.95


def make_attack(name: str, settings: Adversary1Settings | None = None) -> Attack:
    """A new attack, not yet fitted. Raises `SettingsError` for an unknown name, with the nearest known one."""
    if name not in ATTACKS:
        raise SettingsError(f"attack: unknown {brief(name)}; {nearest(name, list(ATTACKS))}")
    return ATTACKS[name].attack(settings)

"""The one gate for settings: from Python, YAML, the command line or a notebook, the same words and the same errors.

Each component of the package derives its own settings from `Settings` and owns their defaults. Numbers are decimal and
read as written: 017 is 17, 1e1 is 10; 1_0, 0x10 and 1:30 are no numbers.
"""

import math
import os
import re
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from mia_core.base.errors import SettingsError
from mia_core.base.messages import brief, nearest, one_line

# One rule for numbers, wherever they are written: 017 is 17, and what only some readers take for a number is none, such
# as 1_0, 0x10 and 1:30 (which YAML 1.1 reads in base 60).
_WRITTEN = re.compile(r"\s*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?\s*")
_DIGITS = re.compile(r"\s*[-+]?[0-9]+\s*")


def _number(value: Any) -> float:
    # YAML 1.1 reads 1e-3 (no decimal point) as text, so text that spells a number is taken as that number.
    text = isinstance(value, str)
    if isinstance(value, bool) or not (_WRITTEN.fullmatch(value) if text else hasattr(value, "__float__")):
        raise ValueError(f"expected a number, found {brief(value)}")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"expected a number, found {brief(value)}") from None
    if not math.isfinite(number):
        raise ValueError(f"expected a finite number, found {brief(value)}")
    return number


def whole_number(value: Any) -> int:
    """The whole number that is meant, also by text such as "1e1". Raises `ValueError` for anything else."""
    number = _number(value)
    if isinstance(value, int) or (isinstance(value, str) and _DIGITS.fullmatch(value)):
        return int(value)  # a float would round it
    if number != int(number):
        raise ValueError(f"expected a whole number, found {brief(value)}")
    return int(number)


def _switch(value: Any) -> bool:
    words = {"true": True, "false": False, "yes": True, "no": False, "on": True, "off": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in words:
        return words[value.strip().lower()]
    raise ValueError(f"expected true or false, found {brief(value)}")


def _listed(value: Any) -> Any:
    """Text with commas is a list; a single value is a list of one."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return tuple(value) if isinstance(value, list | tuple) else (value,)


MOST_BYTES = 100_000
"""Most bytes of a settings file."""

Listed = BeforeValidator(_listed)
Number = Annotated[float, BeforeValidator(_number)]
Whole = Annotated[int, BeforeValidator(whole_number)]
Switch = Annotated[bool, BeforeValidator(_switch)]
Group = TypeVar("Group", bound="Settings")


class Settings(BaseModel):
    """A frozen, typed group of settings; an unknown key is an error that lists the known ones.

    Raises `SettingsError` (one line) instead of pydantic's report, however it is built.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    def __init__(self, /, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise SettingsError(_explain(type(self), error)) from None

    @classmethod
    def known(cls) -> list[str]:
        """Names of all settings of this group, in order of definition."""
        return list(cls.model_fields)

    def only(self, group: "type[Group]") -> "Group":
        """This object's settings that belong to `group`, one of the groups it inherits from."""
        return group(**{name: getattr(self, name) for name in group.model_fields})

    def replace(self, /, **changes: Any) -> Self:
        """A copy with some settings changed, checked like a new one."""
        return type(self)(**{**{name: getattr(self, name) for name in type(self).model_fields}, **changes})


def pairs(texts: list[str]) -> dict[str, str]:
    """Settings given as NAME=VALUE on a command line. Raises `SettingsError` for another form or a repeated name."""
    values: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise SettingsError(f"expected NAME=VALUE, found {one_line(text, 60)}")
        if name.strip() in values:
            raise SettingsError(f"{one_line(name.strip(), 60)}: given twice")
        values[name.strip()] = value.strip()
    return values


def _explain(group: type[Settings], error: ValidationError) -> str:
    lines = []
    for item in error.errors():
        name = one_line(".".join(str(part) for part in item["loc"]), 60)
        name = name if name.strip() or not item["loc"] else repr(name)
        if item["type"] == "extra_forbidden":
            lines.append(f"{name}: unknown; {nearest(str(item['loc'][-1]), group.known())}")
        else:
            reason = item["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
            if not item["loc"]:  # a check on the whole group, which words its own message
                lines.append(one_line(reason, 300))
                continue
            found = "" if "found" in reason else f", found {brief(item['input'])}"
            prefix = "" if item["type"] == "value_error" else "expected "
            lines.append(f"{name}: {prefix}{one_line(reason, 300)}{found}")
    return "; ".join(lines)


class _Loader(yaml.SafeLoader):
    """The safe loader without aliases, repeated keys and numbers that are not decimal."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        # Aliases of aliases make a value of any size out of a few lines.
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise SettingsError(
                f"line {event.start_mark.line + 1}: aliases and merge keys (*{one_line(event.anchor, 60)}, <<) are "
                "not taken; expected each value written out"
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for name, _ in node.value:
            if name.tag == "tag:yaml.org,2002:merge":
                raise SettingsError("merge keys (<<) are not taken; expected each setting written out")
            key = self.construct_object(name, deep=True)
            if isinstance(key, Hashable):  # what is not, is refused further down
                if key in seen:
                    raise SettingsError(f"{one_line(key, 60)}: given twice")
                seen.add(key)
        return super().construct_mapping(node, deep)

    def as_written(self, node: Any) -> Any:
        text = self.construct_scalar(node)
        if _DIGITS.fullmatch(text) and not re.match("[-+]?0[0-9]", text):
            return int(text)
        return float(text) if _WRITTEN.fullmatch(text) and not _DIGITS.fullmatch(text) else text


for _kind in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", _Loader.as_written)


def read_settings_file(path: str | Path) -> dict[str, Any]:
    """The mapping in a YAML file, read without executing any tag; ~ is the home folder.

    Numbers keep the spelling that YAML 1.1 would change (see `Settings`): 017 stays text. Raises `SettingsError` for a
    missing, unreadable or large file, broken YAML, a tag, an alias, a repeated key or anything but a mapping.
    """
    source = one_line(os.fspath(path))
    try:
        with open(os.path.expanduser(path), "rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise SettingsError(f"found more than {MOST_BYTES:,} bytes; expected a short file of settings")
        values = yaml.load(content.decode("utf-8-sig"), _Loader)
        if not isinstance(values, Mapping | None):
            raise SettingsError(f"expected a mapping of setting names to values, found {type(values).__name__}")
        for name in values or {}:
            if not isinstance(name, str):
                raise SettingsError(f"setting names must be text, found {brief(name)}")
    except SettingsError as error:
        raise SettingsError(f"{source}: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or f"not UTF-8 text (byte {getattr(error, 'start', '?')})"
        raise SettingsError(f"{source}: cannot be read: {reason}") from None
    except (yaml.YAMLError, ValueError, TypeError, RecursionError, OverflowError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        problem = one_line(getattr(error, "problem", None) or error)
        raise SettingsError(f"{source}: not plain YAML{where}: {problem}") from None
    return dict(values or {})

"""The one gate for settings: from Python, YAML, the command line or a notebook, the same words and the same errors.

Each component of the package derives its own settings from `Settings` and owns their defaults.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from mia_core.errors import SettingsError
from mia_core.words import nearest, one_line


def _number(value: Any) -> float:
    # YAML 1.1 reads 1e-3 (no decimal point) as text, so text that spells a number is taken as that number.
    if isinstance(value, bool) or (not isinstance(value, (int, float, str)) and not hasattr(value, "__float__")):
        raise ValueError(f"expected a number, found {value!r}")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"expected a number, found {value!r}") from None
    if not math.isfinite(number):
        raise ValueError(f"expected a finite number, found {value!r}")
    return number


def _whole(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    number = _number(value)
    if number != int(number):
        raise ValueError(f"expected a whole number, found {value!r}")
    return int(number)


def _switch(value: Any) -> bool:
    words = {"true": True, "false": False, "yes": True, "no": False, "on": True, "off": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in words:
        return words[value.strip().lower()]
    raise ValueError(f"expected true or false, found {value!r}")


def _listed(value: Any) -> Any:
    """Text with commas is a list; a single value is a list of one."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return tuple(value) if isinstance(value, list | tuple) else (value,)


Listed = BeforeValidator(_listed)
Number = Annotated[float, BeforeValidator(_number)]
Whole = Annotated[int, BeforeValidator(_whole)]
Switch = Annotated[bool, BeforeValidator(_switch)]
Group = TypeVar("Group", bound="Settings")


class Settings(BaseModel):
    """A frozen, typed group of settings; an unknown key is an error that lists the known ones.

    Raises `SettingsError` (one line) instead of pydantic's report, however it is built.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    def __init__(self, **values: Any) -> None:
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

    def replace(self, **changes: Any) -> Self:
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
        name = ".".join(str(part) for part in item["loc"]) or group.__name__
        if item["type"] == "extra_forbidden":
            lines.append(f"{one_line(name, 60)}: unknown; {nearest(str(item['loc'][-1]), group.known())}")
        else:
            reason = item["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
            if not item["loc"]:  # a check on the whole group, which words its own message
                lines.append(one_line(reason, 300))
                continue
            found = "" if "found" in reason else f", found {one_line(repr(item['input']), 60)}"
            prefix = "" if item["type"] == "value_error" else "expected "
            lines.append(f"{one_line(name, 60)}: {prefix}{one_line(reason, 300)}{found}")
    return "; ".join(lines)


def read_settings_file(path: str | Path) -> dict[str, Any]:
    """The mapping in a YAML file, read without executing any tag.

    Raises `SettingsError` for a missing or unreadable file, broken YAML, a tag, a repeated key or anything
    but a mapping.
    """
    import yaml

    class Loader(yaml.SafeLoader):
        """The safe loader, which in addition refuses a key that is given twice."""

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            keys = [self.construct_object(key, deep=True) for key, _ in node.value]
            for key in keys:
                if keys.count(key) > 1:
                    raise SettingsError(f"{path}: {one_line(key, 60)}: given twice")
            return super().construct_mapping(node, deep)

    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        values = yaml.load(text, Loader)
    except SettingsError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or f"not UTF-8 text (byte {getattr(error, 'start', '?')})"
        raise SettingsError(f"{path}: cannot be read: {reason}") from None
    except (yaml.YAMLError, ValueError, TypeError, RecursionError, OverflowError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise SettingsError(
            f"{path}: not plain YAML{where}: {one_line(getattr(error, 'problem', None) or error)}"
        ) from None
    if values is None:
        return {}
    if not isinstance(values, Mapping) or not all(isinstance(key, str) for key in values):
        raise SettingsError(f"{path}: expected a mapping of setting names to values, found {type(values).__name__}")
    return dict(values)

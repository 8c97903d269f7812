"""The settings that a command line gives by --params and --param."""

from typing import Any


def given_settings(params: str | None, param: list[str] | None) -> dict[str, Any]:
    """Those of the YAML file `params` and of NAME=VALUE texts, which go before. Raises `SettingsError`."""
    from mia_core.errors import SettingsError
    from mia_core.settings import pairs, read_settings_file

    if params is not None and not params.strip():
        raise SettingsError("params: expected the name of a YAML file, found an empty one")
    return (read_settings_file(params) if params is not None else {}) | pairs(param or [])

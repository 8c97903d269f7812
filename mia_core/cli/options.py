"""The settings that a command line gives by --params and --param."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from typer.core import TyperCommand

ATTACK_HELP = (
    "adversary1 (default), gap, loss, confidence, deviation, entropy, modified-entropy, true-confidence, the last "
    "three with -per-class (a threshold for each class), shokri, risk-score, adversary3, adversary3-deviation, "
    "adversary3-entropy, or all; may be given several times."
)


class Command(TyperCommand):
    """A command whose help on data sets and defenses lists those that there are, found when the help is asked for."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        from mia_core.data.load import dataset_help
        from mia_core.defenses import defenses_help

        lists = {"dataset": dataset_help, "defenses": defenses_help}
        for option in self.params:
            if option.name in lists:
                option.help = lists[option.name]()
        super().format_options(ctx, formatter)


def given_settings(params: str | None, param: list[str] | None) -> dict[str, Any]:
    """Those of the YAML file `params` and of NAME=VALUE texts, which go before. Raises `SettingsError`."""
    from mia_core.base.errors import SettingsError
    from mia_core.base.settings import pairs, read_settings_file

    if params is not None and not params.strip():
        raise SettingsError("params: expected the name of a YAML file, found an empty one")
    return (read_settings_file(params) if params is not None else {}) | pairs(param or [])


@contextmanager
def naming_file(
    params: str | None, given: Iterable[str], param: list[str] | None, options: Iterable[str] = ()
) -> Iterator[None]:
    """Within it, an error about a setting that came from the file names the file.

    given    names of the settings that `given_settings` gave for `params` and `param`
    options  names of those that an option of their own has replaced
    """
    from mia_core.base.errors import SettingsError
    from mia_core.base.messages import one_line
    from mia_core.base.settings import pairs

    try:
        yield
    except SettingsError as error:
        of_file = set(given).difference(pairs(param or []), options)
        if params is None or str(error).partition(":")[0] not in of_file:
            raise
        raise SettingsError(f"{one_line(params)}: {error}") from None

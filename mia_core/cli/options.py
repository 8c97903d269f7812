"""Options that several commands share, and the settings that a command line gives by --params and --param."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

AsJson = Annotated[bool, typer.Option("--json", help="Print strict JSON instead of text.")]
Replicates = Annotated[str | None, typer.Option(help="Bootstrap replicates (default 1000, 0 for none).")]
Confidence = Annotated[str | None, typer.Option(help="Confidence of the intervals (default 0.95).")]
Seed = Annotated[str | None, typer.Option(help="Seed of all that is random (default 0).")]
ScoresFile = Annotated[
    str | None, typer.Option(help="Write each example's score to this .csv or .npz file.", metavar="FILE")
]
# What these two can be is found when the help is asked for (see `Command`).
DatasetName = Annotated[str | None, typer.Option(help="The data set.")]
Combinations = Annotated[str | None, typer.Option(help="Combinations of defenses with commas.")]
Epochs = Annotated[str | None, typer.Option(help="Training epochs (default 50).")]
Jobs = Annotated[int | None, typer.Option(help="Models trained at a time (default: one for each core).", min=1)]
OutFile = Annotated[str | None, typer.Option(help="Write the table to this .csv file.", metavar="FILE")]
Param = Annotated[
    list[str] | None,
    typer.Option("--param", "-p", help="Any setting, such as -p learning_rate=0.01; may be given several times."),
]
Params = Annotated[str | None, typer.Option(help="A YAML file of settings.", metavar="FILE")]


def given(**options: Any) -> dict[str, Any]:
    """The options that were given: those that are neither None nor an empty list."""
    return {name: value for name, value in options.items() if value not in (None, [])}


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

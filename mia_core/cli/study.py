"""The command `mia study`: defenses x seeds x attacks, as one table."""

from typing import Annotated

import typer

from mia_core.base.stderr import say, write
from mia_core.cli.options import ATTACK_HELP


def study(
    dataset: Annotated[
        str | None,
        typer.Option(help="The data set."),
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="A number of seeds, or seeds with commas (default 5).")] = None,
    defenses: Annotated[
        str | None,
        typer.Option(help="Combinations with commas, such as none,dropout+smoothing(epsilon=0.2)."),
    ] = None,
    attack: Annotated[
        list[str] | None,
        typer.Option(help=ATTACK_HELP),
    ] = None,
    epochs: Annotated[str | None, typer.Option(help="Training epochs (default 50).")] = None,
    part: Annotated[
        str | None, typer.Option(help="Examples in each of the four parts (default: all that fit).")
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option("--param", "-p", help="Any setting, such as -p learning_rate=0.01; may be given several times."),
    ] = None,
    params: Annotated[str | None, typer.Option(help="A YAML file of settings.", metavar="FILE")] = None,
    jobs: Annotated[int | None, typer.Option(help="Models trained at a time (default: one a core).", min=1)] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help="Train on the workers of the Dask scheduler at this address.", metavar="ADDRESS"),
    ] = None,
    out: Annotated[str | None, typer.Option(help="Write the table to this .csv file.", metavar="FILE")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the table as strict JSON instead of text.")] = False,
) -> None:
    """Train targets and shadows under every combination of defenses, attack them, and print one table.

    Trained models are kept (see MIA_CACHE) and never trained twice; an interrupted study goes on where it stopped.
    With --out, the table and a .provenance.json beside it are written.
    """
    from mia_core.cli.options import given_settings, naming_file
    from mia_core.store.cluster import cluster
    from mia_core.studies.results import as_rows, check_out, summary_text, write_table
    from mia_core.studies.settings import StudySettings
    from mia_core.studies.study import Study

    options = {"dataset": dataset, "seeds": seeds, "defenses": defenses, "attacks": attack or None}
    options |= {"epochs": epochs, "part": part}
    given = given_settings(params, param)
    options = {name: value for name, value in options.items() if value is not None}
    with naming_file(params, given, param, options):
        settings = StudySettings(**given | options)
    if out is not None:
        check_out(out)
    with cluster(scheduler):
        made = Study(settings).train(jobs)
    table = made.table()
    if out is not None:
        for path in write_table(out, made, table):
            say(f"mia: note: wrote {path}")
    write(as_rows(table) if as_json else summary_text(table, settings.confidence))

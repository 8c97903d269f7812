"""The command `mia study`: defenses x seeds x attacks, as one table."""

from typing import Annotated

import typer

from mia_core.cli import options as shared


def study(
    dataset: shared.DatasetName = None,
    seeds: Annotated[str | None, typer.Option(help="A number of seeds, or seeds with commas (default 5).")] = None,
    defenses: shared.Combinations = None,
    attack: Annotated[
        list[str] | None,
        typer.Option(help="One of those below (default adversary1), or all; may be given several times."),
    ] = None,
    epochs: shared.Epochs = None,
    part: Annotated[
        str | None, typer.Option(help="Examples in each of the four parts (default: all that fit).")
    ] = None,
    param: shared.Param = None,
    params: shared.Params = None,
    jobs: shared.Jobs = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help="Train on the workers of the Dask scheduler at this address.", metavar="ADDRESS"),
    ] = None,
    out: shared.OutFile = None,
    as_json: shared.AsJson = False,
) -> None:
    """Train targets and shadows under every combination of defenses, attack them, and print one table.

    Trained models are kept (see MIA_CACHE) and never trained twice; an interrupted study goes on where it stopped.
    With --out, the table and a .provenance.json next to it are written.
    """
    from mia_core.base.stderr import say, write
    from mia_core.store.cluster import cluster
    from mia_core.studies.results import as_rows, check_out, summary_text, write_table
    from mia_core.studies.settings import StudySettings
    from mia_core.studies.study import Study

    options = shared.given(dataset=dataset, seeds=seeds, defenses=defenses, attacks=attack, epochs=epochs, part=part)
    of_params = shared.given_settings(params, param)
    with shared.naming_file(params, of_params, param, options):
        settings = StudySettings(**of_params | options)
    if out is not None:
        check_out(out)
    with cluster(scheduler):
        made = Study(settings).train(jobs)
    table = made.table()
    if out is not None:
        for path in write_table(out, made, table):
            say(f"mia: note: wrote {path}")
    write(as_rows(table) if as_json else summary_text(table, settings.confidence))

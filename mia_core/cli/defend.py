"""The command `mia defend`: which defense to buy with some points of accuracy, on one's own data."""

from typing import Annotated

import typer

from mia_core.cli import options as shared


def defend(
    dataset: shared.DatasetName = None,
    spend: Annotated[
        float, typer.Option(help="Accuracy to give up at most, as a share: 0.02 is two points.", metavar="SHARE")
    ] = 0.02,
    defenses: Annotated[
        str | None,
        typer.Option(
            "--defenses",
            help="Combinations with commas (default weight-decay,dropout,mixup,relaxloss,hamp,label-only).",
            metavar="TEXT",
        ),
    ] = None,
    grid: Annotated[
        bool, typer.Option("--grid", help="Try each single defense at three strengths, not at the middle one alone.")
    ] = False,
    search: Annotated[
        int,
        typer.Option(
            help="Search the strengths of single defenses by Optuna, with so many trials on models of another split.",
            metavar="TRIALS",
            min=0,
        ),
    ] = 0,
    models: Annotated[str | None, typer.Option(help="Models of each combination, an even number (default 8).")] = None,
    epochs: shared.Epochs = None,
    part: Annotated[
        str | None, typer.Option(help="Examples each model trains on (default: a quarter of the data).")
    ] = None,
    seed: shared.Seed = None,
    param: shared.Param = None,
    params: shared.Params = None,
    jobs: shared.Jobs = None,
    out: shared.OutFile = None,
    as_json: shared.AsJson = False,
) -> None:
    """Find the defense, or the earlier stop, that leaks least for some accuracy.

    Trains reference models under each defense and without one, attacks them with the strongest attack, and compares
    every defense with the undefended model that stopped earlier: the stop within the budget that leaks least. Where no
    defense leaks less, it says at which epoch to stop. Trained models are kept (see MIA_CACHE) and never trained twice;
    an interrupted search goes on where it stopped, and more defenses or models add to it. With --search, strengths are
    chosen on models of another split, so that the verdicts are about models which had no part in the choice. With
    --out, the table of all attacks is written as by mia references, and a .provenance.json next to it.
    """
    import json

    from mia_core.base.errors import SettingsError
    from mia_core.base.stderr import say, write
    from mia_core.measures.metrics import level_column
    from mia_core.studies import searching, spending
    from mia_core.studies.reference_rows import check_attacks, table
    from mia_core.studies.reference_study import ReferenceStudy
    from mia_core.studies.reference_summary import by_unit
    from mia_core.studies.results import check_out, write_table
    from mia_core.studies.settings import ReferenceSettings

    spending.check_spend(spend)
    asked = spending.USUAL if defenses is None else defenses
    options = shared.given(dataset=dataset, models=models, defenses=asked, epochs=epochs, part=part, seed=seed)
    of_params = shared.given_settings(params, param)
    with shared.naming_file(params, of_params, param, options):
        settings = ReferenceSettings(**{"attacks": spending.ATTACKS} | of_params | options)
    if "record" not in of_params:
        settings = settings.replace(record=spending.stops_to_record(settings.epochs))
    if grid and search:
        raise SettingsError("--grid and --search exclude each other: strengths are tried on a grid or searched")
    wanted = None if out is None else check_out(out)
    tried = spending.with_doses(settings.defenses) if grid else settings.defenses
    if search:
        tried = searching.searched(settings, spend, search, jobs, told=lambda line: say(f"mia: note: tried {line}"))
    settings = settings.replace(defenses=tuple(dict.fromkeys(["none", *tried])))
    study = ReferenceStudy(settings)
    if len(study.epochs(())) < 2:
        raise SettingsError("epochs: expected two recorded epochs or more of the undefended model, to stop earlier")
    check_attacks(study)
    found = table(study.train(jobs))
    if wanted is not None:
        for path in write_table(wanted, study, found):
            say(f"mia: note: wrote {path}")
    units = by_unit(found[found["examples"] == "pool"])
    low = level_column(0.01)
    measure = low if units[low].notna().any() else "auc"
    answer = spending.spent(units, measure, spend)
    rows = spending.spending_rows(units, measure, answer, spending.training_price(study))
    if as_json:
        said = {"answer": str(answer), "spend": spend, "best": answer.best, "stops": answer.stops}
        choices = json.loads(rows.to_json(orient="records"))
        write(json.dumps(said | {"chosen": answer.chosen, "choices": choices}, indent=2, allow_nan=False) + "\n")
    else:
        write(spending.spending_text(rows, measure, answer))

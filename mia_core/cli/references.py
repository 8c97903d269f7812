"""The command `mia references`: many models on halves of one pool, each attacked with the others as references."""

from typing import Annotated

import typer


def references(
    dataset: Annotated[str | None, typer.Option(help="The data set.")] = None,
    models: Annotated[str | None, typer.Option(help="Models of each combination, an even number (default 8).")] = None,
    defenses: Annotated[str | None, typer.Option(help="Combinations with commas, such as none,dropout.")] = None,
    canaries: Annotated[
        str | None, typer.Option(help="Examples with a wrong label, the worst case (default 0).")
    ] = None,
    attack: Annotated[
        list[str] | None,
        typer.Option(help="An attack, such as lira, t-lira, rmia or rapid; may be given several times (default all)."),
    ] = None,
    references: Annotated[
        int | None, typer.Option(help="Reference models that an attack uses (default: all there are).", min=2)
    ] = None,
    design: Annotated[
        str | None, typer.Option(help="pairs (default), random_halves, or exactly_half (biased).")
    ] = None,
    epochs: Annotated[str | None, typer.Option(help="Training epochs (default 50).")] = None,
    part: Annotated[
        str | None, typer.Option(help="Examples each model trains on (default: a quarter of the data).")
    ] = None,
    seed: Annotated[str | None, typer.Option(help="Seed of all that is random (default 0).")] = None,
    param: Annotated[
        list[str] | None,
        typer.Option("--param", "-p", help="Any setting, such as -p population=1000; may be given several times."),
    ] = None,
    params: Annotated[str | None, typer.Option(help="A YAML file of settings.", metavar="FILE")] = None,
    jobs: Annotated[int | None, typer.Option(help="Models trained at a time (default: one a core).", min=1)] = None,
    out: Annotated[str | None, typer.Option(help="Write the table to this .csv file.", metavar="FILE")] = None,
    epsilon: Annotated[
        str | None,
        typer.Option(help="Write lower bounds on epsilon from the canaries to this .csv file.", metavar="FILE"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the table as strict JSON instead of text.")] = False,
) -> None:
    """Train reference models under combinations of defenses and attack each model with the others.

    The strongest protocol there is: LiRA, RMIA and others, at low false-positive rates, on ordinary examples and, with
    --canaries, on mislabelled ones. Trained models are kept (see MIA_CACHE) and never trained twice; an interrupted
    study goes on where it stopped. With --out and --epsilon, a table and a .provenance.json
    beside it are written.
    """
    from mia_core.base.errors import SettingsError
    from mia_core.base.stderr import say, write
    from mia_core.cli.options import given_settings, naming_file
    from mia_core.studies.privacy import check_canaries, privacy_table
    from mia_core.studies.reference_rows import check_attacks, check_references, table
    from mia_core.studies.reference_study import ReferenceStudy
    from mia_core.studies.results import as_rows, check_out, reference_text, write_table
    from mia_core.studies.settings import ReferenceSettings

    options = {"dataset": dataset, "models": models, "defenses": defenses, "canaries": canaries, "design": design}
    options |= {"attacks": attack or None, "epochs": epochs, "part": part, "seed": seed}
    given = given_settings(params, param)
    options = {name: value for name, value in options.items() if value is not None}
    with naming_file(params, given, param, options):
        settings = ReferenceSettings(**given | options)
    wanted = [check_out(path) for path in (out, epsilon) if path is not None]
    if len(set(wanted)) < len(wanted):
        raise SettingsError(f"epsilon: expected another file than --out, found {epsilon} for both")
    alpha = round(1 - settings.confidence, 12)
    study = ReferenceStudy(settings)
    check_references(study, references)
    check_attacks(study, references)
    if epsilon is not None:
        check_canaries(study, alpha)
    found = table(study.train(jobs), references)
    written = [(out, found)] if out is not None else []
    written += [(epsilon, privacy_table(study, references, alpha))] if epsilon is not None else []
    for name, made in written:
        for path in write_table(name, study, made):
            say(f"mia: note: wrote {path}")
    write(as_rows(found) if as_json else reference_text(found, confidence=settings.confidence))

"""The command `mia references`: many models on halves of one pool, each attacked with the others as references."""

from typing import Annotated

import typer

from mia_core.cli import options as shared


def references(
    dataset: shared.DatasetName = None,
    models: Annotated[str | None, typer.Option(help="Models of each combination, an even number (default 8).")] = None,
    defenses: shared.Combinations = None,
    canaries: Annotated[
        str | None, typer.Option(help="Examples with a wrong label, the worst case (default 0).")
    ] = None,
    attack: Annotated[
        list[str] | None, typer.Option(help="One of those below; may be given several times (default all).")
    ] = None,
    references: Annotated[
        int | None, typer.Option(help="Reference models that an attack uses (default: all there are).", min=2)
    ] = None,
    design: Annotated[
        str | None, typer.Option(help="pairs (default), random_halves, or exactly_half (biased).")
    ] = None,
    epochs: shared.Epochs = None,
    part: Annotated[
        str | None, typer.Option(help="Examples each model trains on (default: a quarter of the data).")
    ] = None,
    seed: shared.Seed = None,
    param: shared.Param = None,
    params: shared.Params = None,
    jobs: shared.Jobs = None,
    out: shared.OutFile = None,
    epsilon: Annotated[
        str | None,
        typer.Option(help="Write lower bounds on epsilon from the canaries to this .csv file.", metavar="FILE"),
    ] = None,
    as_json: shared.AsJson = False,
) -> None:
    """Train reference models under combinations of defenses and attack each model with the others.

    The strongest protocol there is: LiRA, RMIA and others, at low false-positive rates, on ordinary examples and, with
    --canaries, on mislabelled ones. Trained models are kept (see MIA_CACHE) and never trained twice; an interrupted
    study goes on where it stopped. With --out and --epsilon, a table and a .provenance.json
    next to it are written.
    """
    from mia_core.base.errors import SettingsError
    from mia_core.base.stderr import say, write
    from mia_core.studies.privacy import check_canaries, privacy_table
    from mia_core.studies.reference_rows import check_attacks, check_references, table
    from mia_core.studies.reference_study import ReferenceStudy
    from mia_core.studies.results import as_rows, check_out, reference_text, write_table
    from mia_core.studies.settings import ReferenceSettings

    options = shared.given(dataset=dataset, models=models, defenses=defenses, canaries=canaries, design=design)
    options |= shared.given(attacks=attack, epochs=epochs, part=part, seed=seed)
    of_params = shared.given_settings(params, param)
    with shared.naming_file(params, of_params, param, options):
        settings = ReferenceSettings(**of_params | options)
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

"""The command line `mia`. Results go to stdout and nothing else does; errors, warnings and notes go to stderr.

Exit status: 0 done, 2 a mistake that the user can mend (one line, `mia: error: ...`), 130 interrupted; anything else
is a bug. Heavy modules are imported by the commands that need them, so that `mia --help` answers at once.
"""

import json
import os
import sys
import warnings
from typing import Annotated, Any

import typer

from mia_core.commands.models_command import attack_models
from mia_core.commands.notes import say, write
from mia_core.commands.report_command import report
from mia_core.compare.command import compare
from mia_core.errors import MiaError, MiaWarning
from mia_core.reference_studies.command import references
from mia_core.words import one_line

ATTACK_HELP = (
    "adversary1 (default), gap, loss, confidence, deviation, entropy, modified-entropy, true-confidence, the last "
    "three with -per-class (a threshold for each class), shokri, risk-score, adversary3, adversary3-deviation, "
    "adversary3-entropy, or all; may be given several times."
)

app = typer.Typer(
    name="mia",
    help="Membership inference attacks and defenses: run them, measure them, report them.",
    add_completion=False,
    # Plain text: no colours and no box lines, which pipes and narrow encodings cannot take.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def top() -> None:
    """Membership inference attacks and defenses: run them, measure them, report them."""


@app.command()
def attack(
    shadow: Annotated[str, typer.Option(help="Outputs of the shadow model, an .npz file.", metavar="FILE")],
    target: Annotated[str, typer.Option(help="Outputs of the attacked model, an .npz file.", metavar="FILE")],
    attack: Annotated[
        list[str] | None,
        typer.Option(help=ATTACK_HELP),
    ] = None,
    k: Annotated[str | None, typer.Option(help="How many of the largest posteriors are seen (default 3).")] = None,
    features: Annotated[str | None, typer.Option(help="posteriors (default) or logs.")] = None,
    classifier: Annotated[str | None, typer.Option(help="logistic (default) or network.")] = None,
    direction: Annotated[
        str | None,
        typer.Option(help="shadow_to_target (default): fit on the shadow; target_to_shadow: the reverse."),
    ] = None,
    replicates: Annotated[str | None, typer.Option(help="Bootstrap replicates (default 1000, 0 for none).")] = None,
    confidence: Annotated[str | None, typer.Option(help="Confidence of the intervals (default 0.95).")] = None,
    seed: Annotated[str | None, typer.Option(help="Seed of the bootstrap and the network (default 0).")] = None,
    scores: Annotated[
        str | None, typer.Option(help="Write each example's score to this .csv or .npz file.", metavar="FILE")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print strict JSON instead of text.")] = False,
) -> None:
    """Attack saved outputs: fit on the shadow's, score the target's, print every measure.

    Each .npz file holds posteriors or logits [N, K] and members [N], coded 1 = member (the model trained on it) and
    0 = non-member; labels [N] are optional. Files with arr_0 and arr_1 are read as posteriors and members.
    """
    from mia_core.attacks import AttackSettings
    from mia_core.commands.attack_report import attack_outputs
    from mia_core.commands.attack_text import as_text

    given = {
        "attacks": attack or None,
        "k": k,
        "features": features,
        "classifier": classifier,
        "direction": direction,
        "replicates": replicates,
        "confidence": confidence,
        "attack_seed": seed,
    }
    settings = AttackSettings(**{name: value for name, value in given.items() if value is not None})
    report = attack_outputs(shadow, target, settings, scores)
    show(report, as_text(report), as_json)


@app.command()
def measure(
    scores: Annotated[
        str, typer.Option(help="An .npz file with scores [N] (or [S, N], S sets) and members [N].", metavar="FILE")
    ],
    replicates: Annotated[str | None, typer.Option(help="Bootstrap replicates (default 1000, 0 for none).")] = None,
    confidence: Annotated[str | None, typer.Option(help="Confidence of the intervals (default 0.95).")] = None,
    seed: Annotated[str | None, typer.Option(help="Seed of the bootstrap (default 0).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print strict JSON instead of text.")] = False,
) -> None:
    """Measure the scores that any attack has saved: AUC, TPR at low FPR, bounds on epsilon, with intervals.

    A higher score means more likely a member; members are coded 1 = member, 0 = non-member. Where the file has judged
    [N], as that of mia attack-models has, examples with a 0 there are left out.
    """
    from mia_core.attacks import AttackSettings
    from mia_core.commands.attack_text import as_text
    from mia_core.commands.score_report import measure_file

    given = {"replicates": replicates, "confidence": confidence, "attack_seed": seed}
    report = measure_file(scores, AttackSettings(**{name: value for name, value in given.items() if value is not None}))
    show(report, as_text(report), as_json)


@app.command()
def study(
    dataset: Annotated[
        str | None,
        typer.Option(help="digits (default), cifar10, cifar100, mnist, fashion-mnist, or folder:PATH."),
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="A number of seeds, or seeds with commas (default 5).")] = None,
    defenses: Annotated[
        str | None,
        typer.Option(help="Combinations with commas, such as none,dropout+smoothing(epsilon=0.2); default all eight."),
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
    from mia_core.cluster import cluster
    from mia_core.commands.given import given_settings, naming_file
    from mia_core.study import Study
    from mia_core.study_report import as_rows, check_out, summary_text, write_table
    from mia_core.study_settings import StudySettings

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


app.command()(references)
app.command()(report)
app.command("attack-models")(attack_models)
app.command()(compare)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line and returns its exit status. No mistake of a user ends in a traceback."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", MiaWarning)
        warnings.showwarning = _show_warning
        try:
            given = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
            status = typer.main.get_command(app).main(given, prog_name="mia", standalone_mode=False)
            if sys.stdout is not None:
                sys.stdout.flush()
            return status if isinstance(status, int) else 0
        except MiaError as error:
            return _fail(str(error))
        except (typer.Abort, KeyboardInterrupt):
            return 130
        except BrokenPipeError:
            _silence_stdout()
            return 1
        except MemoryError:
            return _fail("not enough memory for arrays of this size")
        except OSError as error:
            if error.filename is not None:
                return _fail(f"{error.filename}: {error.strerror or one_line(error)}")
            _silence_stdout()  # it could not be written, such as on a full disk
            return _fail(f"the result cannot be written: {error.strerror or one_line(error)}")
        except Exception as error:
            # Mistakes in the arguments; typer does not export the class, which depends on its version.
            if hasattr(error, "format_message"):
                return _fail(f"{error.format_message()} (see mia --help)")
            raise


def show(report: dict[str, Any], text: str, as_json: bool) -> None:
    """A report on stdout, as text or as strict JSON, its notes on stderr."""
    for note in report["notes"]:
        say(f"mia: note: {one_line(note, 400)}")
    write(json.dumps(report, indent=2, allow_nan=False) + "\n" if as_json else text)


def _show_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    if issubclass(category, MiaWarning):
        say(f"mia: warning: {one_line(message, 400)}")


def _fail(message: str) -> int:
    say(f"mia: error: {one_line(message, 600)}")
    return 2


def _silence_stdout() -> None:
    # Python flushes stdout once more when it exits, which would fail again.
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())

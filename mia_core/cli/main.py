"""The command line `mia`. Results go to stdout and nothing else does; errors, warnings and notes go to stderr.

Exit status: 0 done, 1 two reports compared of which a verdict changed, 2 a mistake that the user can mend (one line,
`mia: error: ...`), 130 interrupted by Ctrl-C, 143 by SIGTERM (see `mia_core.base.interrupts`); anything else is a bug.
Heavy modules are imported by the commands that need them, so that `mia --help` answers at once.
"""

import os
import sys
import warnings
from typing import Annotated, Any

import typer

from mia_core.base.errors import MiaError, MiaWarning
from mia_core.base.messages import one_line
from mia_core.base.stderr import say, write
from mia_core.cli.attack import attack
from mia_core.cli.attack_help import OneShadow, WithReferences
from mia_core.cli.attack_models import attack_models
from mia_core.cli.audit import audit
from mia_core.cli.compare import compare
from mia_core.cli.defend import defend
from mia_core.cli.measure import measure
from mia_core.cli.options import Command
from mia_core.cli.references import references
from mia_core.cli.report import report
from mia_core.cli.study import study

app = typer.Typer(
    name="mia",
    help="Membership inference attacks and defenses: run them, measure them, report them.",
    add_completion=False,
    # Plain text: no colours and no box lines, which pipes and narrow encodings cannot take.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import PackageNotFoundError, version

        try:
            write(f"mia {version('mia-core')}\n")
        except PackageNotFoundError:
            write("mia, run from a checkout that is not installed\n")
        raise typer.Exit()


@app.callback()
def top(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Membership inference attacks and defenses: run them, measure them, report them."""


app.command()(audit)
app.command(cls=OneShadow)(attack)
app.command()(measure)
app.command(cls=OneShadow)(study)
app.command(cls=WithReferences)(references)
app.command(cls=Command)(defend)
app.command()(report)
app.command("attack-models", cls=WithReferences)(attack_models)
app.command()(compare)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line and returns its exit status. No mistake of a user ends in a traceback."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", MiaWarning)
        warnings.showwarning = _show_warning
        command = typer.main.get_command(app)
        given = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
        try:
            status = command.main(given, prog_name="mia", standalone_mode=False)
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
                names = [name for name in given[:1] if name in command.commands]
                return _fail(f"{error.format_message()} (see {' '.join(['mia', *names])} --help)")
            raise


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

"""What can go wrong on the user's side, each as one line that names the thing and what is allowed.

The command line prints these without a traceback and exits with status 2; everything else that is raised is a bug.
"""

import sys
from collections.abc import Callable

from mia_core.base.interrupts import answer_signals, leave_the_end_to_the_signal


class MiaError(Exception):
    """A mistake that the user can mend. The message is one line: what, where, found, expected."""


class SettingsError(MiaError):
    """A setting that is unknown, of the wrong type or out of range."""


class DataError(MiaError):
    """A data set that is missing, damaged or not laid out as it must be."""


class ArrayError(MiaError):
    """An array from outside that is missing, malformed or contradicts another."""


class RunError(MiaError):
    """A saved run that cannot be read, written or trusted."""


class TrainingError(MiaError):
    """A training that cannot go on, such as one whose loss is no longer a number."""


class MiaWarning(UserWarning):
    """Something suspicious that is not wrong by itself; the work goes on."""


def run_as_program(main: Callable[[], object]) -> None:
    """Call what a module does when it is run by itself: a `MiaError` ends the program as one line, status 1.

    Signals are answered as in the command `mia`.
    """
    answer_signals()
    try:
        main()
    except MiaError as error:
        sys.exit(f"mia: error: {error}")
    finally:
        leave_the_end_to_the_signal()

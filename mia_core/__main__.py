"""The script `mia`, and `python -m mia_core` for where that is not on the PATH."""

import sys

from mia_core.base.interrupts import answer_signals, leave_the_end_to_the_signal


def main() -> int:
    """Runs the command line and returns its exit status."""
    answer_signals()  # before the imports, which take a while
    try:
        from mia_core.cli.main import main as command_line

        return command_line()
    finally:
        leave_the_end_to_the_signal()


if __name__ == "__main__":
    sys.exit(main())

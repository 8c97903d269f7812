"""`python -m mia_core.report [CHAPTER ...]`: store the outputs of a default run in the chapters, by default in all."""

import sys

from mia_core.base.errors import run_as_program


def main() -> None:
    from mia_core.report.stored import store_outputs

    store_outputs(sys.argv[1:] or None)


if __name__ == "__main__":
    run_as_program(main)

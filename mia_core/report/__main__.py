"""`python -m mia_core.report [CHAPTER ...]`: store the outputs of a default run in the chapters, by default in all."""

import sys

from mia_core.base.errors import run_as_program
from mia_core.report.stored import store_outputs

run_as_program(lambda: store_outputs(sys.argv[1:] or None))

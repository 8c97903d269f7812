"""`python -m mia_core.book [CHAPTER ...]`: store the outputs of a default run in the chapters, by default in all."""

import sys

from mia_core.book.stored import store_outputs
from mia_core.errors import run_as_program

run_as_program(lambda: store_outputs(sys.argv[1:] or None))

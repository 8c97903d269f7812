"""`python -m mia_core.book [CHAPTER ...]`: store the outputs of a default run in the chapters, by default in all."""

import sys

from mia_core.book.stored import store_outputs
from mia_core.errors import MiaError

try:
    store_outputs(sys.argv[1:] or None)
except MiaError as error:
    sys.exit(f"mia: error: {error}")

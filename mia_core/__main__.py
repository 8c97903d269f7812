"""`python -m mia_core` is `mia`, for where the script is not on the PATH."""

import sys

from mia_core.cli.main import main

if __name__ == "__main__":
    sys.exit(main())

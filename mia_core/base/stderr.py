"""What a command says: its result on stdout, all else on stderr or nowhere, so that no result is lost because of it.

All of it passes here, and a terminal obeys none of it: codes in text from outside are escaped.
"""

import os
import sys

from mia_core.base.messages import harmless


def say(line: str) -> None:
    """`line` on stderr; nothing where stderr is closed or cannot be written."""
    if sys.stderr is None:  # closed by the caller; print would then take stdout
        return
    try:
        print(harmless(line), file=sys.stderr, flush=True)
    except (OSError, ValueError):  # a full disk, or a stream closed meanwhile
        _silence()


def write(text: str) -> None:
    """A result on stdout, also where its encoding lacks a letter such as ε; nothing where stdout is closed."""
    if sys.stdout is not None:  # it is None where the caller has closed it
        encoding = sys.stdout.encoding or "utf-8"
        sys.stdout.write(harmless(text).encode(encoding, "backslashreplace").decode(encoding))


def _silence() -> None:
    # Python flushes stderr once more when it exits, which would fail again and change the exit status.
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    except (OSError, ValueError):  # no file of the system behind it
        sys.stderr = None

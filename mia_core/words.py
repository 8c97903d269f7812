"""Words for one-line messages: text from outside made harmless, and the nearest known name."""

import difflib
import re
from typing import Any


def nearest(word: str, known: list[str]) -> str:
    """The end of an error message: the nearest known word, if any is near, and all known words."""
    close = difflib.get_close_matches(word.lower(), [name.lower() for name in known], n=1, cutoff=0.6)
    hint = next((name for name in known if close and name.lower() == close[0]), None)
    return (f"did you mean {hint}? " if hint else "") + "Known: " + ", ".join(known)


def one_line(text: Any, limit: int = 200) -> str:
    """Text from outside, fit to stand in a one-line message: no line breaks, no control codes, not too long."""
    flat = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+", " ", str(text))
    return flat if len(flat) <= limit else flat[: limit - 3] + "..."

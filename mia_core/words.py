"""Words for one-line messages: text from outside made harmless, and the nearest known name."""

import difflib
import re
import reprlib
from typing import Any


def nearest(word: str, known: list[str]) -> str:
    """The end of an error message: the nearest known word, if any is near, and all known words."""
    close = difflib.get_close_matches(word.lower(), [name.lower() for name in known], n=1, cutoff=0.6)
    hint = next((name for name in known if close and name.lower() == close[0]), None)
    return (f"did you mean {hint}? " if hint else "") + "Known: " + ", ".join(known)


def one_line(text: Any, limit: int = 200) -> str:
    """Text from outside, fit to stand in a one-line message: no line breaks, no control codes, not too long.

    Bytes that the locale could not decode are shown as escapes. Long text loses its middle: the name of a file and the
    reason of an error stand at the end.
    """
    flat = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", str(text))
    flat = re.sub(r"[\ud800-\udfff]", _escape, flat)
    if len(flat) <= limit:
        return flat
    tail = (limit - 3) // 2
    return f"{flat[: limit - 3 - tail]}...{flat[-tail:]}"


def brief(value: Any, limit: int = 60) -> str:
    """A value from outside as Python writes it, on one line; of a large one only the first parts are looked at."""
    short = reprlib.Repr()
    short.maxstring = short.maxlong = short.maxother = limit
    short.maxlevel = 2
    try:
        return one_line(short.repr(value), limit)
    except Exception:  # a whole number of over 4300 digits, or a foreign type's own mistake
        return f"a {type(value).__name__} that cannot be shown"


def _escape(match: re.Match[str]) -> str:
    number = ord(match.group())
    return f"\\x{number - 0xDC00:02x}" if 0xDC80 <= number <= 0xDCFF else f"\\u{number:04x}"

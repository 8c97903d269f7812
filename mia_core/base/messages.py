"""Text for one-line messages: what comes from outside made harmless, and the nearest known name."""

import difflib
import os
import re
import reprlib
import unicodedata
from collections.abc import Iterable
from pathlib import Path
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


def name_text(folder: str) -> str:
    """A folder's name as text: composed accents, and bytes that are not UTF-8 as \\xNN."""
    return unicodedata.normalize("NFC", _text(folder))


def shown(path: str | Path) -> str:
    """A path from outside, fit for a one-line message."""
    return one_line(_text(str(path)))


def _text(name: str) -> str:
    # Names come as the system's bytes, which Python decodes by the locale; the bytes are UTF-8 almost everywhere.
    try:
        return os.fsencode(name).decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # typed, not found on a disk
        return name.encode("utf-8", "backslashreplace").decode()


def listing(names: Iterable[str], most: int = 5) -> str:
    """The first few of many names, with the number of those not shown."""
    names = list(names)
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(one_line(name_text(name), 120) for name in names[:most]) + more

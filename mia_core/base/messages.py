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


def harmless(text: str) -> str:
    """Text from outside in which codes can be seen and are not obeyed: `\\x1b` is an escape code, `\\u202e` one that
    turns the direction of reading.

    Such are control and format characters, halves of characters, and bytes that the locale could not decode. Line
    breaks and tabs stay, and so do the joiners that letters of some scripts and emoji need.
    """
    return _CODES.sub(_escape, text)


# In the second line: what is invisible, and the marks, embeddings, overrides and isolates of direction.
_CODES = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u2028\\u2029\\ud800-\\udfff"
    "\\u061c\\u180e\\u200b\\u200e\\u200f\\u202a-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb\\U000e0001-\\U000e007f]"
)


def one_line(text: Any, limit: int = 200) -> str:
    """Text from outside, fit to stand in a one-line message: no line breaks, harmless (see above), not too long.

    Long text loses its middle: the name of a file and the reason of an error stand at the end.
    """
    flat = harmless(re.sub(r"[\t-\r\x85\u2028\u2029]+", " ", str(text)))
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
    if 0xDC80 <= number <= 0xDCFF:  # a byte
        number -= 0xDC00
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def name_text(folder: str) -> str:
    """A folder's name as text on one line: composed accents; codes, and bytes that are not UTF-8, as \\xNN."""
    return one_line(unicodedata.normalize("NFC", _text(folder)), 255)


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

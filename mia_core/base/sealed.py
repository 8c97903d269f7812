"""JSON records with a digest inside, so that whatever was cut or altered since is noticed when they are read."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

SEAL = "sha256_of_record"
"""The name under which a record holds the digest of all else in it."""


def sealed(record: Mapping[str, Any]) -> str:
    """The record as strict JSON, with the SHA-256 of its values under `SEAL`. Their order does not count."""
    return json.dumps({**record, SEAL: digest_of(record)}, indent=2, allow_nan=False) + "\n"


def unsealed(text: str) -> tuple[dict[str, Any], bool]:
    """The record in a JSON text, without its digest, and whether it had one: those of older versions have none.

    Raises `ValueError`, in words, for text that is no JSON object or was altered.
    """
    try:
        record = json.loads(text)
        digest = record.pop(SEAL, None)
    except (ValueError, AttributeError, TypeError, RecursionError):
        raise ValueError("no whole JSON object") from None
    if digest is not None and digest != digest_of(record):
        raise ValueError(f"its content does not match its digest, {SEAL}")
    return record, digest is not None


def digest_of(record: Mapping[str, Any]) -> str:
    """SHA-256 of a record's values, whatever their order."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()

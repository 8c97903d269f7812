"""Membership inference attacks and defenses: run them, measure them, report them.

The names below are loaded when they are first used, so that importing the package costs next to nothing.
"""

import importlib
from typing import Any

_WHERE = {
    "audit": "mia_core.report.audit",
    "audit_file": "mia_core.report.audit",
    "Study": "mia_core.studies.study",
    "StudySettings": "mia_core.studies.settings",
    "ReferenceStudy": "mia_core.studies.reference_study",
    "ReferenceSettings": "mia_core.studies.settings",
    "over_the_seeds": "mia_core.studies.study",
    "evaluate": "mia_core.studies.study",
    "read_outputs": "mia_core.gate.files",
    "load_dataset": "mia_core.data.load",
    "judge": "mia_core.measures.claims",
    "Claim": "mia_core.measures.claims",
    "show": "mia_core.display.figures",
    "glue": "mia_core.display.figures",
}

__all__ = list(_WHERE)


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'mia_core' has no attribute {name!r}")
    return getattr(importlib.import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_WHERE])

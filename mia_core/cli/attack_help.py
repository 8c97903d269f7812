"""Help that lists the attacks from their records, which are looked up only when it is asked for."""

import importlib
import unicodedata
from typing import Any, ClassVar

from mia_core.cli.options import Command


class _Listing(Command):
    """A command whose help ends with a table of attacks by name."""

    registry: ClassVar[tuple[str, str]]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """The options, then the attacks, then those of their settings that can be chosen."""
        super().format_options(ctx, formatter)
        module, name = self.registry
        records = dict.fromkeys(getattr(importlib.import_module(module), name).values())
        with formatter.section("Attacks"):
            formatter.write_dl([(", ".join(_names(record)), _words(record)) for record in records])
        chosen = [(record.name, _defaults(record.settings)) for record in records if getattr(record, "settings", None)]
        if chosen:
            with formatter.section("Settings of attacks, with their defaults"):
                formatter.write_dl(chosen)


class OneShadow(_Listing):
    """Lists the attacks that need one shadow."""

    registry = ("mia_core.attacks", "ATTACKS")


class WithReferences(_Listing):
    """Lists the attacks that compare with reference models."""

    registry = ("mia_core.references", "REFERENCE_ATTACKS")


def _names(record: Any) -> list[str]:
    return [record.name, *getattr(record, "aliases", ())]


def _words(record: Any) -> str:
    # Accents are left out: a terminal may know ASCII alone.
    text = f"{record.compares} ({record.source})"
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def _defaults(group: Any) -> str:
    values = group().model_dump(mode="json").items()
    return " ".join(f"{name}={','.join(map(str, v)) if isinstance(v, list) else v}" for name, v in values)

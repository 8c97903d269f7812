"""Table I of the report against itself: what cannot be, whatever was measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import pandas as pd

from mia_book.paper import (
    QUOTED,
    ROUNDING,
    SAME,
    SHADOW_ACCURACY,
    SHADOW_RANGE,
    TABLE_I,
    PrintedRow,
    breaks_recall_identity,
)
from mia_core.measures.text import heading

ALIKE = 0.05
"""Rows count as alike where none of their five values differs by more."""
Table = Mapping[str, PrintedRow]


@dataclass(frozen=True)
class Exchange:
    """Two cells of one column that were printed in each other's place, if exchanging them mends the table."""

    column: str
    first: str
    second: str


def broken_rows(table: Table = TABLE_I) -> list[str]:
    """Rows whose values contradict each other, however they were rounded.

    Balanced accuracy is the mean of the two recalls, and with as many members as non-members (section III-C) it is
    the attack's accuracy too.
    """
    return [
        name
        for name, row in table.items()
        if breaks_recall_identity(row) or abs(row.attack_accuracy - row.balanced_accuracy) > 2 * ROUNDING + 1e-9
    ]


def mending_exchanges(table: Table = TABLE_I) -> list[Exchange]:
    """Every exchange of two cells of one column after which no row is broken; empty for a table that needs none."""
    if not broken_rows(table):
        return []
    tried = (Exchange(column, *rows) for column in PrintedRow._fields for rows in combinations(table, 2))
    return [exchange for exchange in tried if not broken_rows(exchanged(exchange, table))]


def exchanged(exchange: Exchange, table: Table = TABLE_I) -> dict[str, PrintedRow]:
    """The table with the two cells of an exchange in each other's place."""
    first, second = (table[name] for name in (exchange.first, exchange.second))
    return dict(table) | {
        exchange.first: first._replace(**{exchange.column: getattr(second, exchange.column)}),
        exchange.second: second._replace(**{exchange.column: getattr(first, exchange.column)}),
    }


def mended(table: Table = TABLE_I) -> dict[str, PrintedRow]:
    """The table after its only mending exchange; as printed where there is none, or more than one to choose from."""
    found = mending_exchanges(table)
    return exchanged(found[0], table) if len(found) == 1 else dict(table)


def moved_by_masking(table: Table = TABLE_I) -> list[tuple[str, str]]:
    """Pairs (without, with masking) whose printed target accuracies differ.

    Top-3 masking keeps the largest posterior the largest, and is applied to a trained model (section III-B), so the
    same model answers in both rows and is right as often.
    """
    found = []
    for name, row in table.items():
        without = "+".join(part for part in name.split("+") if part != "masking") or "none"
        if without != name and without in table and row.target_accuracy != table[without].target_accuracy:
            found.append((without, name))
    return found


def equal_rows(table: Table = TABLE_I) -> list[tuple[str, str]]:
    """Pairs of rows that agree in all five values."""
    return [(one, two) for one, two in combinations(table, 2) if table[one] == table[two]]


def groups(table: Table | None = None, tolerance: float = ALIKE) -> list[list[str]]:
    """Rows in groups that are alike: no value differs from the group's first row by more than `tolerance`.

    table  by default Table I with its exchanged cells put back
    """
    table = mended() if table is None else table
    found: list[list[str]] = []
    for name, row in table.items():
        for group in found:
            pairs = zip(row, table[group[0]], strict=True)
            if max(abs(value - other) for value, other in pairs) <= tolerance + 1e-9:
                group.append(name)
                break
        else:
            found.append([name])
    return found


def misquoted(table: Table = TABLE_I) -> list[tuple[str, str, str, float, float]]:
    """Values that the text of section IV gives otherwise than the table: (section, row, measure, text, table)."""
    return [
        (quote.section, quote.row, quote.measure, quote.value, getattr(table[quote.row], quote.measure))
        for quote in QUOTED
        if quote.value != getattr(table[quote.row], quote.measure)
    ]


def shadows_as_without(accuracy: Mapping[str, float] = SHADOW_ACCURACY) -> list[str]:
    """Rows with dropout whose shadow is as accurate as without a defense, where dropout alone makes it less accurate.

    accuracy  of the shadow by row, as the text gives it
    """
    if accuracy["dropout"] >= accuracy["none"] - SAME:
        return []
    return [
        name
        for name, value in accuracy.items()
        if "dropout" in name.split("+") and abs(value - accuracy["none"]) <= SAME
    ]


def findings() -> pd.DataFrame:
    """Every check of Table I, one row each. Columns: check, found, what it means."""
    broken = {name: TABLE_I[name] for name in broken_rows()}
    values = [
        f"{name}: recalls {of.recall_members:.2f} and {of.recall_non_members:.2f}, printed {of.balanced_accuracy:.2f}"
        for name, of in broken.items()
    ]
    swaps = [f"{heading(one.column)} ({one.first} and {one.second})" for one in mending_exchanges()]
    moved = [
        f"{without} {TABLE_I[without].target_accuracy:.2f}, {name} {TABLE_I[name].target_accuracy:.2f}"
        for without, name in moved_by_masking()
    ]
    quotes = [
        f"{section}: {heading(measure)} of {row} {text:.2f}, table {value:.2f}"
        for section, row, measure, text, value in misquoted()
    ]
    together = [" = ".join(group) for group in groups() if len(group) > 1]
    shadows = shadows_as_without()
    low, high = SHADOW_RANGE
    told = [f"{', '.join(shadows)}: {low:.2f} to {high:.2f}, as without a defense"] if shadows else []
    rows = [
        ("Balanced accuracy is the mean of the recalls", values, "these values cannot belong together"),
        ("One exchange of two cells mends every row", swaps, "most likely printed in each other's place"),
        ("Masking keeps the predicted class", moved, "not the same model in both rows"),
        ("Two runs seldom agree in all five values", [" = ".join(pair) for pair in equal_rows()],
         "possible, as masking adds nothing; or one run, printed twice"),
        (f"Rows that are alike to within {ALIKE}", together, "few different experiments may stand behind the rows"),
        ("The text repeats the table", quotes, "a slip in the text or the table"),
        (f"Dropout costs the shadow accuracy, too (section IV-C: {SHADOW_ACCURACY['dropout']:.2f})", told,
         "in these rows the shadow, too, looks undefended"),
    ]  # fmt: skip
    shown = [[check, "; ".join(found) or "nothing", meaning if found else "in order"] for check, found, meaning in rows]
    return pd.DataFrame(shown, columns=["check", "where it fails or what it finds", "what it means"])


def identity_table() -> pd.DataFrame:
    """For each row of Table I the printed balanced accuracy, the mean of its recalls, and whether both can be."""
    broken = broken_rows()
    return pd.DataFrame(
        {
            "defenses": name,
            "balanced_accuracy": row.balanced_accuracy,
            "mean_of_recalls": (row.recall_members + row.recall_non_members) / 2,
            "possible": name not in broken,
        }
        for name, row in TABLE_I.items()
    )

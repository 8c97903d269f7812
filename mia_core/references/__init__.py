"""Attacks that compare the target's output for an example with what reference models say about the same example.

One file for each attack or family, with its records at the end. Scores are float64 [N], one for every example, always
finite, higher = more likely a member. To add an attack: `references/NAME.py` with a function of a target's
`answers.View` and `RECORDS`, and its test. It is then known by name to `mia references`, `mia attack-models`, their
help, the page of all attacks and the tests that hold for every attack.
"""

from mia_core.attacks.contract import discover
from mia_core.references.outputs import References
from mia_core.references.record import ReferenceRecord

__all__ = ["REFERENCE_ATTACKS", "ReferenceRecord", "References", "unusable"]

REFERENCE_ATTACKS: dict[str, ReferenceRecord] = {record.name: record for record in discover(__name__, __path__)}
"""Attacks with reference models by name."""


def unusable(references: int, paired: bool, population: int) -> dict[str, str]:
    """The attacks that this many reference models and examples of the population do not suffice for: name -> why.

    paired  the models are complementary pairs, so that a shadow's partner is lost as well
    """
    needed = 4 if paired else 3
    lacking = {}
    if population == 0:
        lacking["population"] = "needs examples that no model trains on, found 0"
    if references < needed:
        models = f"{needed + 2} models in pairs" if paired else f"{needed + 1} models"
        words = f"needs a shadow and two references for it, at least {needed} references ({models}), found {references}"
        lacking["shadow"] = words
    return {
        name: why for need, why in lacking.items() for name, record in REFERENCE_ATTACKS.items() if need in record.needs
    }

"""Attacks that compare the target's output for an example with what reference models say about the same example.

One file a family, each a pure function of a `References`: `lira`, `tlira`, `rmia` (with BASE), `attack_r`,
`population` (Attack-P), `calibration` (Watson et al., memorisation) and `label_only`. Scores are float64 [N], one for
every example, always finite, higher = more likely a member.
"""

from mia_core.references.outputs import References

__all__ = ["References"]

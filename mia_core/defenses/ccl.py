"""The convex-concave loss CCL (Liu, Feng, Zhuang, Cao and Wei, ICML 2024): less reward for being ever surer."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from mia_core.base.settings import Number
from mia_core.defenses.base import Defense, Stage

if TYPE_CHECKING:
    import torch


class ConvexConcave(Defense):
    """The loss (1 - concave) * (-log p) + concave * c(p) of the true class's posterior p, with a concave c.

    Where p is high the concave term outweighs the convex cross-entropy: at the default share the sum is concave above
    p = 0.70, and members no longer end at ever smaller and more equal losses. Its minimum is negative.

    The authors' share of cross-entropy is alpha = 0.5, the same as here. Their factor of 0.05 before the loss is left
    out: it rescales all steps, which Adam undoes. One of the losses in their code adds +exp(p), which is convex. We
    know of no independent evaluation.

    concave  the share of the concave term, in [0, 1]
    form     "exponential" -exp(p) (their CCEL), "quadratic" -(p + p**2 / 2) (their CCQL)
    """

    name: ClassVar[str] = "ccl"
    stage: ClassVar[Stage] = "training"
    order: ClassVar[int] = 42
    strength: ClassVar[str] = "concave"
    doses: ClassVar[tuple[float, ...]] = (0.25, 0.5, 0.75)

    concave: Annotated[Number, Field(ge=0, le=1)] = 0.5
    form: Literal["exponential", "quadratic"] = "exponential"

    def loss(self, logits: "torch.Tensor", targets: "torch.Tensor", epoch: int) -> "torch.Tensor":
        logs = logits.log_softmax(1)
        p = logs.exp()
        concave = -p.exp() if self.form == "exponential" else -(p + p**2 / 2)
        return (targets * (self.concave * concave - (1 - self.concave) * logs)).sum(1).mean()

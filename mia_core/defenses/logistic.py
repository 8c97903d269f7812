"""Logistic regression in PyTorch, for defenses that fit one on the outputs of networks."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def fit_logistic(
    features: "torch.Tensor", targets: "torch.Tensor", weights: "torch.Tensor | None" = None
) -> tuple["torch.Tensor", "torch.Tensor"]:
    """Weights [F, K] and biases [K] that minimise the sum of cross-entropies + |w|^2 / 2, as scikit-learn does by
    default, for `features` [n, F] and distributions `targets` [n, K]: float64.

    weights  of the examples, [n]; by default one each
    """
    import torch
    from torch.nn import functional as F

    features, targets = features.double(), targets.double()
    each = torch.ones(len(features), device=features.device) if weights is None else weights
    slopes = torch.zeros(features.shape[1], targets.shape[1], dtype=torch.float64, device=features.device)
    biases = torch.zeros_like(slopes[0])
    parameters = [slopes.requires_grad_(), biases.requires_grad_()]
    solver = torch.optim.LBFGS(
        parameters, max_iter=500, tolerance_grad=1e-6, tolerance_change=1e-12, line_search_fn="strong_wolfe"
    )

    def closure() -> "torch.Tensor":
        solver.zero_grad()
        losses = F.cross_entropy(features @ slopes + biases, targets, reduction="none")
        loss = (each * losses).sum() + slopes.square().sum() / 2
        loss.backward()
        return loss

    with torch.enable_grad():
        solver.step(closure)
    return slopes.detach(), biases.detach()

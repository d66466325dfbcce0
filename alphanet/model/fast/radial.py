"""Radial features of an edge in as few columns as they need: they depend on its length alone.

The radial features (H columns `rad` of a two-layer network on the R basis functions) enter the widest matrix product of
every layer. As functions of one variable they span, to a given accuracy, a space of fewer dimensions: the basis
functions themselves and the principal components of what these leave over. The matrices behind then take those
columns in place of the H.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from alphanet.model.fast.products import linear, weight_and_bias

SAMPLES = 2048
SHORTEST = 0.01  # Å; nearer pairs are refused as overlapping
WORTH_IT = 0.9  # components, relative to H, above which the features are kept as they are


@dataclass(frozen=True)
class RadialColumns:
    """`columns` = [factor * (silu hidden @ last + bias) - basis @ taken, basis]: K = r + R of them."""

    first: tuple[Tensor, Tensor]  # (H, R) and (H,): the network's first layer
    last: tuple[Tensor, Tensor]  # (r, H) and (r,): its second layer, projected on r components
    taken: Tensor  # (r, R) what the basis functions already give of the components
    features: Tensor  # (H, K) from the columns back to the radial features
    error: float  # largest error of a feature, relative to the largest feature
    functions: Callable[[Tensor], Tensor]  # (n,) distances in float64 to the columns, (n, K)
    cutoff: float  # Å

    @property
    def n_columns(self) -> int:
        """K."""
        return self.features.shape[1]

    @property
    def reduced(self) -> bool:
        """Whether there are fewer columns than features and basis functions; if not, the features come first."""
        return self.last[0].shape[0] < self.features.shape[0]

    def of(self, columns: Tensor, features: Tensor) -> Tensor:
        """(…, H) radial features from the columns (…, K); `features` are ours, as a constant of the caller's."""
        return linear(columns, features) if self.reduced else columns[..., : features.shape[0]]

    def add_gradient(self, into: Tensor, by_features: Tensor) -> None:
        """Add the gradient by the columns (…, K), given that by the features (…, H)."""
        if self.reduced:
            into.flatten(0, 1).addmm_(by_features.flatten(0, 1), self.features)
        else:
            into[..., : by_features.shape[-1]] += by_features


def radial_columns(
    basis: nn.Module, network: nn.Sequential, factor: Callable[[Tensor], Tensor], cutoff: float, tolerance: float
) -> RadialColumns:
    """Columns for `factor(d) * network(basis(d))`, with errors up to `tolerance` of the largest feature; 0: exact.

    Args:
        basis: (E,) distances to (E, R).
        network: Linear, SiLU, Linear.
        factor: (E,) distances to (E,).
        cutoff: Å.
        tolerance: relative.
    """
    first, last = weight_and_bias(network[0]), weight_and_bias(network[2])
    (w1, b1), (w2, b2) = ([one.double() for one in layer] for layer in (first, last))
    dtype, device, H = first[0].dtype, first[0].device, len(w1)
    exact_basis = deepcopy(basis).double()

    def values_and_features(distance: Tensor) -> tuple[Tensor, Tensor]:
        values = exact_basis(distance).detach()
        return values, factor(distance)[:, None] * (torch.nn.functional.silu(values @ w1.T + b1) @ w2.T + b2)

    values, features = values_and_features(
        torch.linspace(SHORTEST, cutoff, SAMPLES, dtype=torch.float64, device=device)
    )
    from_basis = torch.linalg.lstsq(values, features).solution  # (R, H)
    left = features - values @ from_basis
    components = torch.linalg.svd(left, full_matrices=False).Vh
    coefficients = left @ components.T
    scale = features.abs().max().clamp(min=1e-300)
    rank = next((r for r in range(H) if _left_over(coefficients, components, r) <= tolerance * scale), H)
    if tolerance == 0 or rank > WORTH_IT * H:
        components, from_basis, rank = torch.eye(H).to(from_basis), torch.zeros_like(from_basis), H
    v = components[:rank]
    error = float(_left_over(coefficients, components, rank) / scale) if rank < H else 0.0

    def functions(distance: Tensor) -> Tensor:
        values, features = values_and_features(distance)
        return torch.cat([(features - values @ from_basis) @ v.T, values], dim=1)

    return RadialColumns(
        first=(w1.to(dtype), b1.to(dtype)),
        last=((v @ w2).to(dtype), (v @ b2).to(dtype)),
        taken=(v @ from_basis.T).to(dtype),
        features=torch.cat([v.T, from_basis.T], dim=1).to(dtype),
        error=error,
        functions=functions,
        cutoff=cutoff,
    )


def _left_over(coefficients: Tensor, components: Tensor, rank: int) -> Tensor:
    return (
        (coefficients[:, rank:] @ components[rank:]).abs().max()
        if rank < len(components)
        else coefficients.new_zeros(())
    )

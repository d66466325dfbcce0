"""The temporal connection's step in real arithmetic."""

from torch import Tensor


def complex_step(kernel: Tensor, s: Tensor, history: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """(N, C) real and imaginary parts of q_k <- sum_nc M_nkc s_n q_c.

    Args:
        kernel: (2, H, C, C), real and imaginary parts of M.
        s: (N, H).
        history: (N, C) q.
    """
    _, H, C, _ = kernel.shape
    mixed = (s @ kernel.permute(1, 0, 2, 3).reshape(H, -1)).view(-1, 2, C, C)
    # A product and a sum: batched products of matrices as small as these are slower.
    real, imaginary = ((mixed * part[:, None, None, :]).sum(-1) for part in history)
    return real[:, 0] - imaginary[:, 1], real[:, 1] + imaginary[:, 0]

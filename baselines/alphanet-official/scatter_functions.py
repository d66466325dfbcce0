"""The functions of torch_scatter that the checkout calls, in plain torch: torch_scatter has no wheel for this torch."""

import torch


def scatter(src, index, dim=-1, dim_size=None, reduce="sum"):
    """Sum or mean of the slices of `src` along `dim` that have the same `index` (1-D)."""
    size = list(src.shape)
    size[dim] = len(torch.bincount(index)) if dim_size is None else dim_size
    total = src.new_zeros(size).index_add(dim, index, src)
    if reduce == "mean":
        shape = [1] * src.dim()
        shape[dim] = -1
        return total / torch.bincount(index, minlength=size[dim]).clamp(min=1).view(shape)
    if reduce not in ("sum", "add"):
        raise NotImplementedError(f"scatter with reduce={reduce!r}")
    return total


def segment_coo(src, index, dim_size=None):
    """Sum of the rows of `src` that have the same `index`."""
    return scatter(src, index, dim=0, dim_size=dim_size)


def segment_csr(src, indptr):
    """Sums of the rows of `src` between consecutive places in `indptr`."""
    segments = len(indptr) - 1
    index = torch.repeat_interleave(torch.arange(segments, device=src.device), indptr.diff())
    return scatter(src[indptr[0] : indptr[-1]], index, dim=0, dim_size=segments)

"""The functions of torch_scatter that fairchem-core 1 uses, in PyTorch's own operations: nothing has to be compiled.

Values belong to groups: `index` (n,) names the group of each slice of `src` along `dim`, `indptr` (groups + 1,) says
where the groups of sorted slices begin and end.
"""

import torch


def scatter(src, index, dim=-1, dim_size=None, reduce="sum"):
    """`src` with its slices along `dim` summed or averaged by group; groups without slices are zero."""
    dim %= src.dim()
    groups = _count(index) if dim_size is None else int(dim_size)
    shape = (*src.shape[:dim], groups, *src.shape[dim + 1 :])
    total = src.new_zeros(shape).index_add(dim, index, src)
    if reduce in ("sum", "add"):
        return total
    if reduce != "mean":
        raise NotImplementedError(f"scatter by {reduce}")
    members = torch.bincount(index, minlength=groups).clamp(min=1)
    return total / members.view([groups if axis == dim else 1 for axis in range(src.dim())])


def segment_coo(src, index, dim_size=None, reduce="sum"):
    """`scatter` along the first dimension."""
    return scatter(src, index, dim=0, dim_size=dim_size, reduce=reduce)


def segment_csr(src, indptr, reduce="sum"):
    """`scatter` along the first dimension, of groups given by where they begin."""
    groups = torch.arange(len(indptr) - 1, device=src.device).repeat_interleave(indptr.diff())
    return scatter(src[indptr[0] : indptr[-1]], groups, dim=0, dim_size=len(indptr) - 1, reduce=reduce)


def _count(index):
    return int(index.max()) + 1 if len(index) else 0

"""Replaces the compiled packages that fairchem-core 1 imports by plain PyTorch."""

import sys

import plain_scatter
import plain_sparse
import torch_geometric  # noqa: F401  before they are in place: it would take them for the compiled packages

sys.modules.update(torch_scatter=plain_scatter, torch_sparse=plain_sparse)

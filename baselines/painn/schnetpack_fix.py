"""Makes schnetpack 2.1.1 importable with torch 2.13; imported before it."""

from typing import TypeVar

from torch.utils.data import dataloader

# schnetpack annotates its loader with this type variable, which torch no longer keeps there
dataloader.T_co = TypeVar("T_co", covariant=True)

"""Finding the frames whose prediction is not finite."""

from __future__ import annotations

import torch

from .data import Batch, Prediction


def frames_at_fault(batch: Batch, prediction: Prediction) -> str:
    """Names the predicted quantities that are NaN or infinite and their frames; empty where all are finite."""
    found = []
    with torch.no_grad():
        for quantity in ("energy", "forces", "stress"):
            values = getattr(prediction, quantity)
            if values is None:
                continue
            bad = ~torch.isfinite(values)
            if quantity == "forces":
                bad = batch.sum_over_atoms(bad.to(torch.float32)) > 0
            frames = batch.frames[bad.flatten(start_dim=1).any(dim=1).cpu() if bad.dim() > 1 else bad.cpu()].tolist()
            if frames:
                found.append(f"predicted {quantity} of frames {frames} are not finite")
    return ", ".join(found)

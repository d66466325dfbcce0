"""From the checkpoint that nequip's trainer has just written here, a pickle, to weights that load without code.

Run as a child process by `training`.
"""

import json
import sys
from pathlib import Path

import torch
from checkpoint import write_checkpoint
from nequip.train import EMALightningModule, NequIPLightningModule
from nequip.utils.global_state import set_global_state

SOURCE = ("_target_", "weights", "frozen")  # of the model, see `training`


def main(checkpoint, target, about):
    """Write the weights of `checkpoint`, averaged if there is an average, to `target`, and their number to `about`."""
    set_global_state()
    stored = torch.load(checkpoint, map_location="cpu", weights_only=False)
    averaged = any(key.startswith("ema.") for key in stored["state_dict"])
    kind = EMALightningModule if averaged else NequIPLightningModule
    module = kind.load_from_checkpoint(checkpoint, map_location="cpu", weights_only=False)
    settings = {key: value for key, value in stored["hyper_parameters"]["model"].items() if key not in SOURCE}
    model = module.evaluation_model["sole_model"]
    write_checkpoint(target, model.state_dict(), {"model": settings})
    about.write_text(json.dumps({"parameters": sum(weights.numel() for weights in model.parameters())}))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))

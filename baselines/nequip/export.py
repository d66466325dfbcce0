"""From the checkpoint that nequip's trainer has just written here, a pickle, to weights that load without code.

Run as a child process by `training`.
"""

import sys
from pathlib import Path

import torch
from checkpoint import write_checkpoint
from nequip.train import EMALightningModule
from nequip.utils.global_state import set_global_state


def main(checkpoint, target):
    """Write the averaged weights of `checkpoint` to `target`."""
    set_global_state()
    module = EMALightningModule.load_from_checkpoint(checkpoint, map_location="cpu", weights_only=False)
    stored = torch.load(checkpoint, map_location="cpu", weights_only=False)
    settings = {key: value for key, value in stored["hyper_parameters"]["model"].items() if key != "_target_"}
    write_checkpoint(target, module.evaluation_model["sole_model"].state_dict(), {"model": settings})


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))

"""Made-up weights in the public code's layout, and a mirror that serves them under the address of a card."""

from pathlib import Path

import pytest
import torch
import yaml
from model_samples import official_config

from alphanet.model.create import create_model

PUBLIC_SETTINGS = {
    "num_layers": 2, "hidden_channels": 16, "head": 4, "num_radial": 6, "cutoff": 4.0, "main_chi1": 8, "mp_chi1": 8,
    "hidden_channels_chi": 16, "has_dropout_flag": False,
}  # fmt: skip
"""Those of `official_config`, in the public code's terms"""
ZBL_CONSTANTS = {
    "fzbl_w": [0.187, 0.3769, 0.189, 0.081, 0.003, 0.037, 0.0546, 0.0715],
    "fzbl_b": [3.20, 1.10, 0.102, 0.958, 1.28, 1.14, 1.69, 5.0],
    "fzbl_gamma": 1.001, "fzbl_alpha": 0.6032, "fzbl_E2": 14.399645478425, "fzbl_A0": 0.529177210903,
}  # fmt: skip


def public_state(*, zbl: bool = False, **constants: float) -> dict[str, torch.Tensor]:
    """As the public code saves it: prefixed, with keys that the model never uses, and with the constants of `zbl`."""
    state = create_model(official_config(), seed=3).state_dict()
    state = {key: value for key, value in state.items() if not key.startswith("reference.")}
    state |= {"message_layers.0.unitary": torch.eye(8), "message_layers.1.fc_dx.bias": torch.zeros(16)}
    if zbl:
        state |= {key: torch.tensor(value) for key, value in (ZBL_CONSTANTS | constants).items()}
    return {f"model.{key}": value for key, value in state.items()}


def serve(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, **card: object) -> str:
    """Add a card `name` of weights with `zbl: true` to the known ones; returns the address of a mirror."""
    cards, served = folder / "cards", folder / "mirror" / "example.org"
    cards.mkdir(exist_ok=True)
    served.mkdir(parents=True, exist_ok=True)
    torch.save(public_state(zbl=True), served / f"{name}.ckpt")
    values = {
        "name": name,
        "title": "Made up",
        "trained_on": "nothing",
        "level_of_theory": "none",
        "license": "CC0-1.0",
        "elements": ["H", "O", "Si"],
        "weights": {"url": f"https://example.org/{name}.ckpt", "name": f"{name}.ckpt"},
        "config": PUBLIC_SETTINGS | {"zbl": True},
    }
    (cards / f"{name}.yaml").write_text(yaml.safe_dump(values | card))
    monkeypatch.setenv("ALPHANET_MODELS", str(cards))
    return (folder / "mirror").as_uri()

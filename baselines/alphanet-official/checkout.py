"""The user's checkout of the public AlphaNet code, which runs unchanged; no part of it is copied."""

import json
import os
import subprocess
import sys
from pathlib import Path

import scatter_functions
import torch
import torch_geometric.nn.conv  # noqa: F401  (before the stand-in below, which it would take for the whole package)
from worker_kit import RefusedError

VARIABLE = "ALPHANET_OFFICIAL_SRC"
REPOSITORY = "https://github.com/zmyybc/AlphaNet"
OBSOLETE = ("pos_require_grad",)  # published with the 16.2M checkpoint, though the code of that time refuses it


class Checkout:
    """The code in the folder that the environment variable names, or in the first of several."""

    def __init__(self):
        """Import it.

        Raises:
            RefusedError: the variable is not set, or names no checkout.
        """
        named = os.environ.get(VARIABLE, "").split(os.pathsep)[0]
        if not named:
            raise RefusedError(f"set {VARIABLE} to a checkout of the public code: git clone {REPOSITORY}")
        self.folder = Path(named).expanduser().resolve()
        if not (self.folder / "alphanet" / "models" / "model.py").is_file():
            raise RefusedError(f"{VARIABLE}={named} is no checkout of {REPOSITORY}: it has no alphanet/models/model.py")
        sys.modules.setdefault("torch_scatter", scatter_functions)
        sys.path.insert(0, str(self.folder))
        from alphanet.config import AlphaConfig
        from alphanet.models.model import AlphaNetWrapper

        self._configuration, self.network = AlphaConfig, AlphaNetWrapper
        self.predates_v1 = "dtype" not in AlphaConfig.model_fields  # the code of the 16.2M checkpoint

    def configuration(self, settings, dtype, device):
        """The code's own configuration of a network that predicts forces and stress.

        Raises:
            RefusedError: an unknown setting or a wrong value, or float64 in a version that has none.
        """
        fields = self._configuration.model_fields
        unknown = set(settings) - set(fields)
        if unknown:
            raise RefusedError(f"the configuration of the public code has no {', '.join(sorted(unknown))}")
        if self.predates_v1 and dtype != "float32":
            raise RefusedError(f"the code in {self.folder} computes in float32 only")
        precision = {} if self.predates_v1 else {"dtype": dtype.removeprefix("float")}
        outputs = {"compute_forces": True, "compute_stress": True, "use_pbc": True}
        # A setting that is left open would be read from the environment variable of that name, such as NAME or A.
        usual = {name: field.default for name, field in fields.items()}
        try:
            return self._configuration(**(usual | settings | outputs | precision | {"device": torch.device(device)}))
        except ValueError as error:
            raise RefusedError(" ".join(str(error).split())) from None

    def settings_of(self, checkpoint):
        """The settings beside a checkpoint `NAME.ckpt` in `NAME.json`, or those of that name in the checkout.

        A name such as `mp-0225-2` means `mp` in the checkout.

        Raises:
            RefusedError: there are none.
        """
        beside = checkpoint.with_suffix(".json")
        published = f"pretrained/*/{checkpoint.stem.split('-')[0]}.json"
        file = next((one for one in (beside, *sorted(self.folder.glob(published))) if one.is_file()), None)
        if file is None:
            raise RefusedError(f"{checkpoint} has no settings: neither {beside} nor {published} in {self.folder}")
        values = json.loads(file.read_text(encoding="utf-8"))
        return {name: value for name, value in values.get("model", values).items() if name not in OBSOLETE}

    def commit(self):
        """The checkout's git commit, with `-dirty` if files differ from it; `unknown` outside git."""
        command = ["git", "-C", str(self.folder), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
        try:
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            return "unknown"

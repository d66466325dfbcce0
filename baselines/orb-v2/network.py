"""The architecture of Orb v2, as the package builds it for its released weights, in any size."""

import inspect
from functools import partial

from orb_models.forcefield.atomic_system import SystemConfig
from orb_models.forcefield.direct_regressor import DirectForcefieldRegressor
from orb_models.forcefield.featurization_utilities import gaussian_basis_function
from orb_models.forcefield.forcefield_heads import EnergyHead, ForceHead, GraphHead
from orb_models.forcefield.gns import MoleculeGNS
from worker_kit import RefusedError

ACTIVATION = "ssp"


def build(settings):
    """A network with random weights; without `settings`, in the size of the released ones."""
    known = inspect.signature(_network).parameters
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise RefusedError(f"Orb has no setting {', '.join(unknown)}; it has {', '.join(known)}")
    return _network(**settings)


def _network(
    latent_dim=256,
    mlp_hidden_dim=512,
    num_mlp_layers=2,
    num_message_passing_steps=15,
    head_mlp_hidden_dim=256,
    num_bases=20,
    max_num_neighbors=20,
):
    backbone = MoleculeGNS(
        latent_dim=latent_dim,
        num_message_passing_steps=num_message_passing_steps,
        num_mlp_layers=num_mlp_layers,
        mlp_hidden_dim=mlp_hidden_dim,
        rbf_transform=partial(gaussian_basis_function, num_bases=num_bases, radius=10.0),
        use_embedding=True,
        interaction_params={"distance_cutoff": True, "attention_gate": "sigmoid"},
        activation=ACTIVATION,
        mlp_norm="layer_norm",
    )
    head = {
        "latent_dim": latent_dim,
        "num_mlp_layers": 1,
        "mlp_hidden_dim": head_mlp_hidden_dim,
        "activation": ACTIVATION,
    }
    heads = {"energy": EnergyHead(**head), "forces": ForceHead(**head), "stress": GraphHead(**head, target="stress")}
    # the package's envelope is zero beyond 6 Å, whatever radius is given
    system = SystemConfig(radius=6.0, max_num_neighbors=max_num_neighbors)
    return DirectForcefieldRegressor(heads, backbone, system_config=system)

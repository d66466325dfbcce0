"""An architecture in the words of MACE's class, and the words that its trainer has for the same."""

from worker_kit import RefusedError

# Arguments of ScaleShiftMACE, each with the trainer's name for it.
OPTIONS = {
    "r_max": "r_max",
    "num_bessel": "num_radial_basis",
    "num_polynomial_cutoff": "num_cutoff_basis",
    "max_ell": "max_ell",
    "num_interactions": "num_interactions",
    "hidden_irreps": "hidden_irreps",
    "MLP_irreps": "MLP_irreps",
    "correlation": "correlation",
    "radial_type": "radial_type",
    "radial_MLP": "radial_MLP",
    "distance_transform": "distance_transform",
    "interaction_cls": "interaction",
    "interaction_cls_first": "interaction_first",
    "avg_num_neighbors": "avg_num_neighbors",
}


def refuse_unknown_settings(architecture):
    """Refuse what is not an argument of MACE, or none that both its class and its trainer take."""
    unknown = sorted(set(architecture) - set(OPTIONS))
    if unknown:
        raise RefusedError(f"mace has no setting {', '.join(unknown)}; it has {', '.join(OPTIONS)}")

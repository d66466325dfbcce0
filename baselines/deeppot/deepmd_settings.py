"""The `model` section of deepmd's input for an architecture of the card, filled in and checked by deepmd itself."""

import copy

from deepmd.utils.argcheck import model_args
from worker_kit import RefusedError

PER_ELEMENT = ("se_e2_a", "se_e2_r", "se_e3")  # descriptors that count neighbors of each element by itself


def model_section(architecture, elements, precision, seed):
    """deepmd's `model` section: `architecture` with type_map, precision and seed.

    Raises:
        RefusedError: no elements, or a key or value that deepmd does not accept.
    """
    if not elements:
        raise RefusedError("random weights need to know the elements: give settings elements: [H, C, …]")
    section = copy.deepcopy(architecture) | {"type_map": list(elements)}
    for part in ("descriptor", "fitting_net"):
        if not isinstance(section.get(part), dict):
            raise RefusedError(f"model: {part} is missing; deepmd's models have a descriptor and a fitting_net")
        section[part] |= {"precision": precision, "seed": seed}
    descriptor = section["descriptor"]
    if descriptor.get("type") in PER_ELEMENT and isinstance(descriptor.get("sel"), int):
        descriptor["sel"] = [descriptor["sel"]] * len(elements)
    return checked(section)


def checked(section):
    """`section` with deepmd's defaults, as `dp train` reads it."""
    arguments = model_args()
    try:
        section = arguments.normalize_value(copy.deepcopy(section), trim_pattern="_*")
        arguments.check_value(section, strict=True)
    except Exception as error:  # dargs has no common class for what it refuses
        raise RefusedError(f"model: {' '.join(str(error).split())}") from None
    return section


def counts_from_data(section):
    """Whether numbers of neighbors are left to deepmd's statistics of the training data (`auto`)."""

    def values(part):
        return [inner for value in part.values() for inner in (values(value) if isinstance(value, dict) else [value])]

    return any(isinstance(value, str) and value.startswith("auto") for value in values(section["descriptor"]))


def in_precision(section, precision):
    """`section` with its networks in another precision, wherever it names one."""

    def change(part):
        if isinstance(part, dict):
            return {key: precision if key == "precision" else change(value) for key, value in part.items()}
        return [change(value) for value in part] if isinstance(part, list) else part

    return change(section)


def cutoff_of(section):
    """The longest cutoff in Å that a descriptor names."""

    def values(part):
        for key, value in part.items():
            if isinstance(value, dict):
                yield from values(value)
            elif key == "rcut" or key.endswith("_rcut"):
                yield float(value)

    return max(values(section["descriptor"]))

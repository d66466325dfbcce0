"""deepmd's models behind the worker protocol: random weights, files that training here wrote, released checkpoints."""

import json
from pathlib import Path
from pickle import UnpicklingError

import deepmd_backend
import numpy as np
import torch
from ase.data import atomic_numbers, chemical_symbols
from checkpoint import read_checkpoint, write_checkpoint
from starting import refuse_parts
from torch_kit import refuse_compiled
from worker_kit import RefusedError, refuse_unknown

PREFIX = "model.Default."  # what deepmd's trainer puts before the names of a single task's weights


def load(request):
    """A model as `request` says: a .safetensors of ours, deepmd's .pt or frozen .pth, or random weights."""
    refuse_compiled(request, "deepmd-kit", "models run here as they are, or frozen as TorchScript")
    deepmd_backend.prepare(request["device"], request["threads"])
    if request["checkpoint"] is None:
        return _untrained(request)
    file = Path(request["checkpoint"])
    readers = {".safetensors": _trained, ".pt": _released, ".pth": _frozen}
    if file.suffix not in readers:
        raise RefusedError(f"{file}: the files of this baseline end with {', '.join(readers)}")
    return readers[file.suffix](file, request)


def start(request):
    """The start of a training, see `starting.Start`; deepmd's own energies of the elements stay in the network."""
    deepmd_backend.prepare(request["device"], request["threads"])
    file = Path(request["checkpoint"])
    readers = {".safetensors": own, ".pt": _of_trainer, ".pth": _of_frozen}
    if file.suffix not in readers:
        raise RefusedError(f"{file}: the files of this baseline end with {', '.join(readers)}")
    section, tensors, references = readers[file.suffix](file)
    section = {key: value for key, value in section.items() if key != "info"}
    network = _filled(file, section, tensors)
    known = section["type_map"]
    references = {element: references.get(element, 0.0) for element in known}
    save(section, tensors, references, Path(request["target"]))
    refuse_parts(network, request)
    return {"architecture": section, "elements": known, "references": references, "energy_scale": 1.0}


class Model:
    """A network on a device; all structures of a call are one batch, whatever their sizes and periodicity."""

    def __init__(self, network, device, dtype, references):
        self._network = network.eval().to(device)
        for weights in network.parameters():  # one by one: TorchScript has no requires_grad_ for all
            weights.requires_grad_(False)
        self._device = device
        self._elements = list(network.get_type_map())
        self._cutoff = float(network.get_rcut())
        self._types = np.full(len(chemical_symbols), -1)
        self._references = np.zeros(len(chemical_symbols))
        for index, element in enumerate(self._elements):
            self._types[atomic_numbers[element]] = index
            self._references[atomic_numbers[element]] = references.get(element, 0.0)
        self.info = {
            "parameters": sum(weights.numel() for weights in network.parameters()),
            "elements": self._elements,
            "cutoff": self._cutoff,
            "dtype": dtype,
            "mode": "eager",
            "reference": f"{dtype} eager",
        }

    def predict(self, structures):
        """Energies (B,) eV, forces (N, 3) eV/Å, stresses (B, 3, 3) eV/Å^3."""
        return self.evaluate(self.prepare(structures))

    def prepare(self, structures):
        """The inputs of deepmd's lower interface, on the device; the places of the atoms in them; the structures."""
        from neighbors import extended

        refuse_unknown(structures.numbers, self._elements)
        inputs = extended(structures, self._cutoff, self._types)
        arrays = (inputs.coord, inputs.atype, inputs.nlist, inputs.mapping)
        return [torch.from_numpy(array).to(self._device) for array in arrays], inputs.places, structures

    reference = predict

    def evaluate(self, inputs):
        """Predictions of the network for it, on the host."""
        (coord, atype, nlist, mapping), places, structures = inputs
        answer = self._network.forward_lower(coord, atype, nlist, mapping)
        # a force on an image is a force on its atom
        forces = torch.zeros_like(coord)
        forces.scatter_add_(1, mapping[..., None].expand_as(coord), answer["extended_force"].to(coord.dtype))
        energy = answer["energy"].detach().double().view(-1).cpu().numpy()
        return {
            "energy": energy + np.bincount(structures.batch, self._references[structures.numbers], len(energy)),
            "forces": forces.detach().cpu().numpy()[places],
            "stress": _stress(answer["virial"].detach().double().cpu().numpy(), structures.cells),
        }


def save(section, tensors, references, file):
    """Write weights, deepmd's `model` section and the elements' energies (eV) as safetensors."""
    write_checkpoint(file, tensors, {"model": section, "references": references})


def weights_of(file, device="cpu"):
    """deepmd's `model` section and the weights by name in a checkpoint of its trainer, which holds nothing else to run.

    Raises:
        RefusedError: not such a checkpoint, or one of several tasks.
    """
    try:
        stored = torch.load(file, map_location=device, weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError) as error:
        raise RefusedError(f"{file} is not a checkpoint of deepmd's trainer: {str(error).split('. ')[0]}") from None
    state = stored.get("model", stored)
    if "_extra_state" not in state:
        raise RefusedError(f"{file} is not a checkpoint of deepmd's trainer: it has no settings")
    section = state["_extra_state"]["model_params"]
    if "model_dict" in section:
        raise RefusedError(f"{file} has several heads ({', '.join(section['model_dict'])}); take one out with deepmd")
    return section, {name.removeprefix(PREFIX): value for name, value in state.items() if name.startswith(PREFIX)}


def _untrained(request):
    from deepmd.pt.model.model import get_model
    from deepmd_settings import counts_from_data, model_section

    section = model_section(request["architecture"], request["elements"], request["dtype"], request["seed"])
    if counts_from_data(section):
        raise RefusedError("sel: auto counts neighbors in training data; random weights need numbers")
    torch.manual_seed(request["seed"])
    return Model(get_model(section), request["device"], request["dtype"], {})


def _trained(file, request):
    """The model that `save` wrote."""
    return _restored(file, *own(file), request)


def _released(file, request):
    """A checkpoint of deepmd's trainer, whose energies are total already."""
    return _restored(file, *_of_trainer(file), request)


def own(file):
    """deepmd's `model` section, weights, and the elements' energies (eV) that `save` wrote."""
    settings, tensors = read_checkpoint(file)
    return settings["model"], tensors, settings["references"]


def _of_trainer(file):
    return *weights_of(file), {}


def _of_frozen(file):
    network = _scripted(file, "cpu")
    return json.loads(network.get_model_def_script()), dict(network.state_dict()), {}


def _restored(file, section, tensors, references, request):
    from deepmd_settings import in_precision

    network = _filled(file, in_precision(section, request["dtype"]), tensors)
    return Model(network, request["device"], request["dtype"], references)


def _filled(file, section, tensors):
    """The network of a `model` section with these weights."""
    from deepmd.pt.model.model import get_model

    network = get_model(section)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise RefusedError(f"{file} does not fit its own settings: {str(error).splitlines()[-1].strip()}") from None
    return network


def _scripted(file, device):
    """A model that deepmd froze: TorchScript, with the code of the version that wrote it."""
    try:
        return torch.jit.load(file, map_location=device)
    except RuntimeError as error:
        raise RefusedError(f"{file} cannot be read as a frozen model: {str(error).strip().splitlines()[0]}") from None


def _frozen(file, request):
    network = _scripted(file, request["device"])
    widths = {weights.dtype for weights in network.parameters() if weights.is_floating_point()}
    if widths != {getattr(torch, request["dtype"])}:
        raise RefusedError(f"{file} is frozen in {', '.join(map(str, widths))}, not in {request['dtype']}")
    return Model(network, request["device"], request["dtype"], {})


def _stress(virial, cells):
    """(B, 3, 3) eV/Å^3 from deepmd's virial (B, 9), the derivative of minus the energy; zero without a volume."""
    volumes = np.abs(np.linalg.det(cells))
    virial = virial.reshape(-1, 3, 3)
    symmetric = (virial + virial.transpose(0, 2, 1)) / 2
    return -symmetric / np.where(volumes > 0, volumes, np.inf)[:, None, None]

"""GRACE of tensorpotential behind the worker protocol."""

import inspect
from pathlib import Path

import numpy as np
import tensorflow as tf
from graph import graph
from tensorpotential import constants
from tensorpotential.potentials import get_preset
from tensorpotential.potentials.registry import REGISTERED_PRESETS
from tensorpotential.tensorpot import TensorPotential
from tensorpotential.tpmodel import TPModel, extract_cutoff_and_elements, load_model_metadata
from worker_kit import RefusedError, refuse_unknown

SAVED_MODEL = "saved_model.pb"
PAIR_FORCES = f"z_{constants.PREDICT_PAIR_FORCES}"  # what the package calls them among the outputs


def load(request):
    """A SavedModel of the package, or a network with random weights where `request["checkpoint"]` is None."""
    _set_device(request["device"], request["threads"])
    return _untrained(request) if request["checkpoint"] is None else _saved(request)


class Model:
    """A GRACE network; a batch of structures is one graph to it."""

    def __init__(self, network, inputs, index, cutoff, weights):
        self._network, self._inputs = network, list(inputs)
        self._index, self._cutoff = index, float(cutoff)
        self.info = {
            "parameters": sum(int(tf.size(values)) for values in weights),
            "elements": list(index),
            "cutoff": self._cutoff,
            "dtype": _precision(weights),
            "mode": "compiled",  # by XLA, whatever is asked for
            "reference": f"{_precision(weights)} compiled",
        }

    def predict(self, structures):
        """Energies (B,) eV, forces (N, 3) eV/Å, stresses (B, 3, 3) eV/Å^3."""
        return self.evaluate(self.prepare(structures))

    reference = predict  # an exported model has no other way to run

    def prepare(self, structures):
        """The graph of the structures."""
        refuse_unknown(structures.numbers, list(self._index))
        return graph(structures, self._cutoff, self._index)

    def evaluate(self, given):
        """Predictions of the network for the graph, on the host."""
        answer = self._network.compute({name: tf.constant(given.inputs[name]) for name in self._inputs})
        atomic = answer[constants.PREDICT_ATOMIC_ENERGY].numpy().ravel()[: len(given.atoms)]
        # minus the derivatives of the energy by the bonds' vectors
        pair_forces = answer[PAIR_FORCES].numpy()[: len(given.bonds)]
        return {
            "energy": np.bincount(given.atoms, atomic, minlength=len(given.cells)),
            "forces": answer[constants.PREDICT_FORCES].numpy()[: len(given.atoms)],
            "stress": _stress(pair_forces, given),
        }


def _untrained(request):
    if not request["elements"]:
        raise RefusedError("random weights need to know the elements: give settings elements: [H, C, …]")
    index = {symbol: place for place, symbol in enumerate(sorted(request["elements"]))}
    tf.random.set_seed(request["seed"])
    network = TPModel(instructions=_instructions(request["architecture"], index))
    network.build(tf.as_dtype(request["dtype"]))
    network.decorate_compute_function()
    cutoff, _, _ = extract_cutoff_and_elements(network.instructions)
    return Model(network, network.compute_specs, index, cutoff, network.trainable_variables)


def _instructions(architecture, index):
    """The settings that a preset of the package makes of its keyword arguments; it would ignore unknown ones."""
    arguments = dict(architecture)
    name = arguments.pop("preset", None)
    if name not in REGISTERED_PRESETS:
        raise RefusedError(f"preset {name!r} is none of tensorpotential's: {', '.join(REGISTERED_PRESETS)}")
    preset = get_preset(name)
    unknown = set(arguments) - set(inspect.signature(preset).parameters)
    if unknown:
        raise RefusedError(f"tensorpotential's preset {name} has no setting {', '.join(sorted(unknown))}")
    return preset(element_map=index, **arguments).get_instructions()


def _saved(request):
    """The parts of a SavedModel that the calculator uses; the request names its folder or `saved_model.pb` in it."""
    folder = Path(request["checkpoint"])
    folder = folder.parent if folder.name == SAVED_MODEL else folder
    if not (folder / SAVED_MODEL).is_file():
        raise RefusedError(f"{folder} is no SavedModel: it holds no {SAVED_MODEL}")
    network = TensorPotential.load_model(str(folder))
    # version 0.4 exported one signature without a name
    signature = network.signatures["compute" if "compute" in network.signatures else "serving_default"]
    inputs = signature.structured_input_signature[1]
    model = Model(network, inputs, *_metadata(folder, network), signature.trainable_variables)
    if model.info["dtype"] != request["dtype"]:
        raise RefusedError(f"{folder} was exported to compute in {model.info['dtype']}; ask for that precision")
    return model


def _metadata(folder, network):
    """Numbers of the elements' symbols, and the cutoff (Å), as the package's calculator finds them."""
    metadata = load_model_metadata(str(folder))
    if metadata is not None:
        return {symbol: place for place, symbol in enumerate(metadata["chemical_symbols"])}, metadata["cutoff"]
    cutoff, symbols, places = extract_cutoff_and_elements(network.instructions)
    return dict(zip(map(str, symbols), map(int, places), strict=True)), cutoff


def _precision(weights):
    """The widest type of the weights."""
    return max((values.dtype for values in weights), key=lambda dtype: dtype.size).name


def _stress(pair_forces, given):
    """(B, 3, 3) eV/Å^3; zero where the cell has no volume."""
    products = np.einsum("ei,ej->eij", pair_forces, given.vectors)
    virials = np.zeros(given.cells.shape)
    np.add.at(virials, given.bonds, -(products + products.transpose(0, 2, 1)) / 2)
    volumes = np.abs(np.linalg.det(given.cells))
    return virials / np.where(volumes > 0, volumes, np.inf)[:, None, None]


def _set_device(device, threads):
    """Before anything is computed: the threads, and the one device that TensorFlow may see besides the CPU."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    kind, _, number = device.partition(":")
    cards = tf.config.list_physical_devices("GPU")
    if kind == "cpu":
        cards = []
    elif int(number or 0) >= len(cards):
        raise RefusedError(f"TensorFlow sees no {device}; it sees {len(cards)} GPUs")
    else:
        cards = [cards[int(number or 0)]]
    tf.config.set_visible_devices(cards, "GPU")

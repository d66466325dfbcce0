"""AlphaNet behind the worker protocol, so that it is measured exactly as the baselines are; needs this package."""

from copy import deepcopy
from pathlib import Path

import torch
from ase import Atoms
from worker_kit import RefusedError

from alphanet.errors import UserError
from alphanet.graph import collate
from alphanet.model.checkpoint import DTYPES, load_model
from alphanet.model.config import preset
from alphanet.model.create import create_model
from alphanet.model.evaluator import Evaluator, evaluation, evaluator
from alphanet.model.export import SUFFIX
from alphanet.model.prediction import predict
from alphanet.training.blocks.model import in_blocks


def load(request):
    """A model from its file, or with random weights if `request["checkpoint"]` is None."""
    torch.set_num_threads(request["threads"])
    try:
        return _loaded(request, request.get("mode", "eager"))
    except UserError as error:
        raise RefusedError(str(error)) from None


def _loaded(request, mode):
    settings, place = dict(request["architecture"]), {"dtype": request["dtype"], "device": request["device"]}
    if request["checkpoint"] is None:
        config = preset(settings.pop("preset"), elements=request["elements"], **settings)
        network = create_model(config, request["seed"]).to(DTYPES[request["dtype"]]).to(request["device"])
        return Model(network.eval(), mode)
    if Path(request["checkpoint"]).suffix == SUFFIX:
        return Package(evaluator(request["checkpoint"], mode=mode, **place))
    return Model(load_model(request["checkpoint"], settings.get("config"), **place), mode)


class Package:
    """A package of `alphanet export`, ready to predict; structures become graphs."""

    def __init__(self, ready):
        """`ready` as `alphanet.model.evaluator.evaluator` makes it."""
        self._network, self._predict, self._device = ready.model, ready.predict, ready.model.device
        self.info = {
            "parameters": ready.model.n_parameters,
            "elements": list(ready.model.config.elements),
            "cutoff": ready.model.config.cutoff,
            "dtype": str(ready.model.dtype).removeprefix("torch."),
            "mode": ready.mode,
        }

    def predict(self, structures):
        """Energies (B,) eV, forces (N, 3) eV/Å, stresses (B, 3, 3) eV/Å^3."""
        return self.evaluate(self.prepare(structures))

    def prepare(self, structures):
        """The graph, on the device."""
        return self._graph(self._network, structures)

    def evaluate(self, graph):
        """Predictions from the graph, on the host."""
        return _on_host(self._predict(graph))

    def _graph(self, network, structures):
        atoms = (Atoms(numbers, positions, cell=cell, pbc=pbc) for numbers, positions, cell, pbc in structures)
        try:
            return collate([network.graph(structure) for structure in atoms]).to(device=self._device)
        except UserError as error:
            raise RefusedError(str(error)) from None


class Model(Package):
    """A network, which can be trained and has a reference in float64."""

    def __init__(self, network, mode="eager"):
        """Weights are constants from here on; `mode` as in `alphanet.model.evaluator`.

        Training runs in blocks of edges, which needs no compiler, in every mode but `eager`.
        """
        parameters = network.n_parameters
        network.requires_grad_(False)
        self._training, self._trains_in_blocks = None, mode != "eager"
        super().__init__(Evaluator(network, evaluation(network, mode), (network,)))
        self._exact = None  # the network in float64, when it is asked for
        self.info |= {"parameters": parameters, "reference": "float64 eager"}

    def reference(self, structures):
        """The predictions of `predict`, by the reference model in float64 with the same weights."""
        if self._exact is None:
            self._exact = deepcopy(self._network).double()
        return _on_host(predict(self._exact, self._graph(self._exact, structures)))

    def train_step(self, graph):
        """Mean absolute errors of energies per atom and forces against zero, their gradient, and a step of Adam."""
        if self._training is None:
            network = deepcopy(self._network).train().requires_grad_(True)
            self._training = network, torch.optim.Adam(network.parameters(), lr=1e-4)
        network, optimizer = self._training
        optimizer.zero_grad(set_to_none=True)
        energies = in_blocks(network) if self._trains_in_blocks else network
        answer = predict(energies, graph, stress=False, create_graph=True)
        loss = answer.energy.abs().sum() / graph.n_atoms + answer.forces.abs().mean()
        loss.backward()
        optimizer.step()
        return loss.item()


def _on_host(answer):
    values = {"energy": answer.energy, "forces": answer.forces, "stress": answer.stress}
    return {key: value.detach().double().cpu().numpy() for key, value in values.items()}

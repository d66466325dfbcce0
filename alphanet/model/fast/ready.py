"""The mode of a model if none is asked for: kernels in C++ where they serve it, as soon as they are compiled."""

import logging
import subprocess
import warnings

import torch
from torch import nn

from alphanet.graph import AtomGraph
from alphanet.model.base import InteratomicModel
from alphanet.model.fast.model import FastModel, fast_model, no_fast_path
from alphanet.model.native.build import start
from alphanet.model.native.library import NativeError, cpp_compiler, is_built
from alphanet.model.prediction import Prediction, predict

logger = logging.getLogger(__name__)
REFERENCE = "the reference is used (mode eager)"


def served_by_kernels(model: InteratomicModel) -> bool:
    """Whether the kernels are for such a model: in single precision, on a CPU, with settings that they have."""
    return model.dtype == torch.float32 and model.device.type == "cpu" and no_fast_path(model) is None


class Reference:
    """A model by itself."""

    mode = "eager"

    def __init__(self, model: InteratomicModel) -> None:
        self._model = model

    def predict(self, graph: AtomGraph, *, forces: bool = True, stress: bool = True) -> Prediction:
        """Energy, and forces and stress if asked."""
        return predict(self._model, graph, forces=forces, stress=stress)


class WhenReady:
    """Predicts by the reference until the kernels are compiled, and by these from then on.

    They are compiled by another process, which goes on if this one ends. After a change of the model's weights the
    reference is used again, which sees it.

    Args:
        model: one that is `served_by_kernels`.
        waits: whether to wait for the compilation, so that all answers come from the same path.
        max_memory: see `fast_model`.
    """

    def __init__(self, model: InteratomicModel, *, waits: bool, max_memory: int | None = None) -> None:
        self._model, self._max_memory = model, max_memory
        self._fast: FastModel | None = None
        self._weights = list(model.parameters())
        self._state = _state(self._weights)
        self._build: subprocess.Popen[str] | None = None
        self._looks = True
        if cpp_compiler() is None:
            self._give_up("no C++ compiler found")
            return
        if self._start() and waits:
            logger.info("compiling kernels for %d channels, once on this machine …", model.config.hidden_channels)
            assert self._build is not None
            self._build.wait()
            self._look()

    @property
    def mode(self) -> str:
        """That of the next prediction."""
        self._look()
        return "eager" if self._fast is None else self._fast.mode

    def predict(self, graph: AtomGraph, *, forces: bool = True, stress: bool = True) -> Prediction:
        """Energy, and forces and stress if asked."""
        self._look()
        if self._fast is None:
            return predict(self._model, graph, forces=forces, stress=stress)
        return self._fast.predict(graph, forces=forces, stress=stress)

    def __getstate__(self) -> dict[str, object]:
        """Without the process that compiles; a copy looks for its result itself."""
        self._look()
        return self.__dict__ | {"_build": None}

    def __setstate__(self, state: dict[str, object]) -> None:
        """The state of another one, whose weights are those of the copy."""
        self.__dict__.update(state)
        self._weights = list(self._model.parameters())
        self._state = _state(self._weights)
        if self._looks and self._fast is None:
            self._start()

    def _start(self) -> bool:
        """Use the kernels if they are there, else start to compile them; whether it was started."""
        try:
            there = is_built(self._model.config.hidden_channels)
        except NativeError as error:
            self._give_up(str(error))
            return False
        if there:
            self._use()
        else:
            self._build = start(self._model.config.hidden_channels)
        return not there

    def _look(self) -> None:
        """Change the path if there is a reason to."""
        if not self._looks:
            return
        if _state(self._weights) != self._state:
            self._fast, self._looks = None, False
        elif self._build is not None and (code := self._build.poll()) is not None:
            assert self._build.stderr is not None
            with self._build.stderr as stream:
                said = stream.read().strip().splitlines()
            self._build = None
            if code:
                self._give_up(said[-1] if said else f"the compilation ended with {code}")
            else:
                self._use()

    def _use(self) -> None:
        self._fast = fast_model(self._model, compiled=True, max_memory=self._max_memory)

    def _give_up(self, reason: str) -> None:
        self._looks = False
        warnings.warn(f"kernels in C++ are not used: {reason}: {REFERENCE}", stacklevel=4)


def _state(weights: list[nn.Parameter]) -> tuple[int, int, torch.dtype]:
    """Changes if weights are changed or moved."""
    return sum(one._version for one in weights), sum(one.data_ptr() for one in weights), weights[0].dtype

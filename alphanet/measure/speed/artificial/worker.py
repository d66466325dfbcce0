"""A potential of known cost: it holds so much memory and answers after so much time, and computes nothing."""

import time

import numpy as np


def load(request):
    """The potential with the cost in `request["architecture"]`: seconds and bytes."""
    return Model(request["architecture"])


class Model:
    """Every call takes `seconds` from its beginning to its end, touching and freeing its memory included."""

    def __init__(self, cost):
        """The cost of a call."""
        self._seconds, self._bytes = cost["seconds"], cost["bytes"]
        self.info = {"parameters": 0, "dtype": "float32"}

    def predict(self, structures):
        """Zeros, in time."""
        end = time.perf_counter() + self._seconds
        held = np.ones(self._bytes, dtype=np.uint8)
        del held
        while (left := end - time.perf_counter()) > 0:
            time.sleep(left if left > 1e-3 else 0)
        return {"energy": np.zeros(len(structures.counts)), "forces": np.zeros_like(structures.positions)}

    def prepare(self, structures):
        """Nothing to do."""
        return structures

    def evaluate(self, structures):
        """As `predict`."""
        return self.predict(structures)

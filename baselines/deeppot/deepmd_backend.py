"""deepmd-kit's PyTorch backend as it runs here: told of the device first, and without its compiled operators.

The wheel's operators are built against another torch. They serve compressed models, message passing between processes
of an MD engine, and nothing that is computed here.
"""

import os
import sys
import types
import warnings

import torch

OPERATORS = "deepmd.pt.cxx_op"


def prepare(device, threads):
    """Set what deepmd reads when it is imported, and put plain modules in the place of what cannot or need not load."""
    if OPERATORS in sys.modules:
        return
    torch.set_num_threads(threads)
    os.environ.update(
        DP_INTRA_OP_PARALLELISM_THREADS=str(threads),
        DP_INTER_OP_PARALLELISM_THREADS="1",
        DP_LMDB_NUM_WORKERS="0",  # frames are decoded in this process
    )
    place = torch.device(device)
    os.environ |= {"DEVICE": "cpu"} if place.type == "cpu" else {"LOCAL_RANK": str(place.index or 0)}
    warnings.filterwarnings("ignore", message=".*torch.jit.*")
    _put(OPERATORS, ENABLE_CUSTOMIZED_OP=False)
    _define_operator()
    # e3nn serves DPA-4 alone, and with it the import takes seconds longer
    _put("e3nn")
    _put("e3nn.o3", FromS2Grid=_no_dpa4, ToS2Grid=_no_dpa4, spherical_harmonics=_no_dpa4)
    _import_without_compiling()
    os.environ.pop("LOCAL_RANK", None)  # its trainer would take this process for one of many


def _put(name, **members):
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(members)


def _define_operator():
    """Name the one operator that frozen DPA models mention, so that they can be read; only MD engines ever call it."""
    tensors = ", ".join(f"Tensor a{place}" for place in range(9))
    torch.library.define("deepmd::border_op", f"({tensors}) -> Tensor[]")


def _no_dpa4(*_, **__):
    from worker_kit import RefusedError

    raise RefusedError("DPA-4 needs e3nn, which this environment leaves out")


def _import_without_compiling():
    """Import deepmd's models; a neighbor list for GPUs would load all of torch's compiler meanwhile."""
    compiler, torch.compile = torch.compile, lambda function=None, **_: function or (lambda inner: inner)
    try:
        import deepmd.pt.model.model  # noqa: F401
    finally:
        torch.compile = compiler

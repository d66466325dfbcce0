"""deepmd-kit's PyTorch backend with a device that is set first, and without its compiled operators.

The wheel's operators are built against another torch. They serve compressed models and message passing between
processes of an MD engine, which are not used here.
"""

import os
import sys
import types
import warnings

import torch

OPERATORS = "deepmd.pt.cxx_op"


def prepare(device, threads):
    """Set the variables that deepmd reads on import, and replace modules that cannot or need not be loaded."""
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
    """Declare the one operator that frozen DPA models name, so that they can be read; only MD engines call it."""
    tensors = ", ".join(f"Tensor a{place}" for place in range(9))
    torch.library.define("deepmd::border_op", f"({tensors}) -> Tensor[]")


def _no_dpa4(*_, **__):
    from worker_kit import RefusedError

    raise RefusedError("DPA-4 needs e3nn, which this environment leaves out")


def _import_without_compiling():
    """Import deepmd's models without its neighbor list for GPUs, which would load all of torch's compiler."""
    compiler, torch.compile = torch.compile, lambda function=None, **_: function or (lambda inner: inner)
    try:
        import deepmd.pt.model.model  # noqa: F401
    finally:
        torch.compile = compiler

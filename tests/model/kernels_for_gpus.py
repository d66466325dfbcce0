"""Compiles every kernel in Triton to machine code of GPUs, which needs none; run as a script by `test_triton.py`."""

from itertools import product

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from alphanet.model.gpu import kernels

KINDS = dict.fromkeys(("sender", "receiver"), "*i64") | dict.fromkeys(("first_chunk", "order", "first_place"), "*i32")
LAYER_KERNELS = (kernels.sum_messages, kernels.gradients_by_edges, kernels.gradients_by_senders)


def compiled(kernel, constants, architecture):
    def kind(name):
        if name in constants:
            return "constexpr"
        return "i32" if name == "n_edges" else KINDS.get(name, "*fp32")

    signature = {name: kind(name) for name in kernel.arg_names}
    source = ASTSource(kernel, signature=signature, constexprs=constants)
    return triton.compile(source, target=GPUTarget("cuda", architecture, 32))


def layer_constants(kernel, H, official, vectors, branched):
    constants = {
        **{"H": H, "G": 3 * H if vectors or branched else 2 * H, "F": (6 if vectors else 2) * H, "CHUNK": 4},
        **{"WIDTH": 4 * H + 24 if branched else 4 * H, "SCALARS_AT": 24 if official and branched else 0},
        **{"OFFICIAL": official, "VECTORS": vectors, "BRANCHED": branched, "EDGES": 8, "BLOCK": min(H, 64)},
    }
    if not branched:  # nothing is passed there
        constants |= {name: None for name in ("by_scalars", "by_gates") if name in kernel.arg_names}
    return constants


if __name__ == "__main__":
    for kernel, official, vectors, branched in product(LAYER_KERNELS, *[(False, True)] * 3):
        assert compiled(kernel, layer_constants(kernel, 128, official, vectors, branched), 90).asm["cubin"]
    for kernel in LAYER_KERNELS:
        assert compiled(kernel, layer_constants(kernel, 32, False, True, True), 80).asm["cubin"]
    assert compiled(kernels.sum_chunks, {"C": 24, "WIDTH": 152, "FIRST": 128, "ROWS": 8, "BLOCK": 32}, 80).asm["cubin"]

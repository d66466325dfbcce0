"""Kernels: messages of edges, their sums over receivers, and the derivatives of both.

Formulas: `messages` in `official.py` and `paper.py` of `alphanet.model.fast`. Every program owns what it writes, so
that there are no atomic additions and the same numbers come out of every run. Arrays are (edges, columns) in one
precision; an edge's gates are (radial + bias) (mixed + bias), G = 3 H columns, or 2 H where nothing reads the middle.
Sums have WIDTH columns: of scalar messages (H) and vectors (3 H) from SCALARS_AT on, and those of a branch.
"""
# mypy: disable-error-code="no-untyped-def"

import triton
import triton.language as tl


@triton.jit
def _tile(pointer, row, column, mask, width):
    return tl.load(pointer + row[:, None] * width + column[None, :], mask=mask, other=0.0)


@triton.jit
def _with_bias(pointer, bias, row, column, mask, within, width):
    return _tile(pointer, row, column, mask, width) + tl.load(bias + column, mask=within, other=0.0)[None, :]


@triton.jit
def _gate(mixed, mixed_bias, radial, radial_bias, edge, column, mask, within, G):
    return _with_bias(radial, radial_bias, edge, column, mask, within, G) * _with_bias(
        mixed, mixed_bias, edge, column, mask, within, G
    )


@triton.jit
def _frame(frame, filled, edge, there, OFFICIAL: tl.constexpr):
    """Unit vector, and the messages' factor: whether there is an edge, or its envelope; each (EDGES, 1)."""
    x = tl.load(frame + edge * 4, mask=there, other=0.0)
    y = tl.load(frame + edge * 4 + 1, mask=there, other=0.0)
    z = tl.load(frame + edge * 4 + 2, mask=there, other=0.0)
    if OFFICIAL:
        factor = tl.load(filled + edge, mask=there, other=0.0)
    else:
        factor = tl.load(frame + edge * 4 + 3, mask=there, other=0.0)
    return x[:, None], y[:, None], z[:, None], factor[:, None]


@triton.jit
def _add(pointer, column, within, tile):
    tl.store(pointer + column, tl.load(pointer + column, mask=within) + tl.sum(tile, 0), mask=within)


@triton.jit
def sum_messages(
    mixed, mixed_bias, radial, radial_bias, features, frame, filled, sender, first_chunk, sums, gates, scalars,
    H: tl.constexpr, G: tl.constexpr, F: tl.constexpr, WIDTH: tl.constexpr, SCALARS_AT: tl.constexpr,
    OFFICIAL: tl.constexpr, VECTORS: tl.constexpr, BRANCHED: tl.constexpr,
    CHUNK: tl.constexpr, EDGES: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """A receiver and BLOCK channels: adds to its sums; for a branch, also writes gates and scalar messages of edges."""
    receiver = tl.program_id(0).to(tl.int64)
    h = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    within = h < H
    begin = tl.load(first_chunk + receiver) * CHUNK
    end = tl.load(first_chunk + receiver + 1) * CHUNK
    scalar = tl.zeros([EDGES, BLOCK], sums.dtype.element_ty)
    x, y, z = scalar, scalar, scalar
    for start in range(begin, end, EDGES):
        edge = start + tl.arange(0, EDGES).to(tl.int64)
        there = edge < end
        mask = there[:, None] & within[None, :]
        atom = tl.load(sender + edge, mask=there, other=0)
        unit_x, unit_y, unit_z, factor = _frame(frame, filled, edge, there, OFFICIAL)
        gate = _gate(mixed, mixed_bias, radial, radial_bias, edge, h, mask, within, G)
        message = factor * _tile(features, atom, h, mask, F) * gate
        scalar += message
        last = _gate(mixed, mixed_bias, radial, radial_bias, edge, G - H + h, mask, within, G)
        directed = factor * _tile(features, atom, (2 * H if VECTORS else H) + h, mask, F) * last
        x += unit_x * directed
        y += unit_y * directed
        z += unit_z * directed
        if VECTORS or BRANCHED:
            middle = _gate(mixed, mixed_bias, radial, radial_bias, edge, H + h, mask, within, G)
        if VECTORS:
            carried = factor * _tile(features, atom, H + h, mask, F) * middle
            x += _tile(features, atom, 3 * H + h, mask, F) * carried
            y += _tile(features, atom, 4 * H + h, mask, F) * carried
            z += _tile(features, atom, 5 * H + h, mask, F) * carried
        if BRANCHED:
            into = gates + edge[:, None] * G + h[None, :]
            tl.store(into, gate, mask=mask)
            tl.store(into + H, middle, mask=mask)
            tl.store(into + 2 * H, last, mask=mask)
            tl.store(scalars + edge[:, None] * H + h[None, :], message, mask=mask)
    own = sums + receiver * WIDTH + SCALARS_AT
    _add(own, h, within, scalar)
    _add(own, H + h, within, x)
    _add(own, 2 * H + h, within, y)
    _add(own, 3 * H + h, within, z)


@triton.jit
def gradients_by_edges(
    mixed, mixed_bias, radial, radial_bias, features, frame, filled, sender, receiver, by_sums, by_scalars, by_gates,
    by_mixed, by_radial, by_frame, n_edges,
    H: tl.constexpr, G: tl.constexpr, F: tl.constexpr, WIDTH: tl.constexpr, SCALARS_AT: tl.constexpr,
    OFFICIAL: tl.constexpr, VECTORS: tl.constexpr, BRANCHED: tl.constexpr,
    CHUNK: tl.constexpr, EDGES: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """EDGES edges and all channels: writes gradients by the parts of the gates and by the frame."""
    edge = tl.program_id(0).to(tl.int64) * EDGES + tl.arange(0, EDGES)
    there = edge < n_edges
    atom = tl.load(sender + edge, mask=there, other=0)
    to = tl.load(receiver + edge // CHUNK, mask=there, other=0)
    unit_x, unit_y, unit_z, factor = _frame(frame, filled, edge, there, OFFICIAL)
    by_x = tl.zeros([EDGES, BLOCK], by_frame.dtype.element_ty)
    by_y, by_z, by_factor = by_x, by_x, by_x
    for first in range(0, H, BLOCK):
        h = first + tl.arange(0, BLOCK)
        within = h < H
        mask = there[:, None] & within[None, :]
        scalar = _tile(by_sums, to, SCALARS_AT + h, mask, WIDTH)
        x = _tile(by_sums, to, SCALARS_AT + H + h, mask, WIDTH)
        y = _tile(by_sums, to, SCALARS_AT + 2 * H + h, mask, WIDTH)
        z = _tile(by_sums, to, SCALARS_AT + 3 * H + h, mask, WIDTH)
        if BRANCHED:
            scalar += _tile(by_scalars, edge, h, mask, H)

        radial_part = _with_bias(radial, radial_bias, edge, h, mask, within, G)
        mixed_part = _with_bias(mixed, mixed_bias, edge, h, mask, within, G)
        product = _tile(features, atom, h, mask, F) * scalar
        by_factor += product * (radial_part * mixed_part)
        by_gate = factor * product
        if BRANCHED:
            by_gate += _tile(by_gates, edge, h, mask, G)
        place = edge[:, None] * G + h[None, :]
        tl.store(by_mixed + place, by_gate * radial_part, mask=mask)
        tl.store(by_radial + place, by_gate * mixed_part, mask=mask)

        radial_part = _with_bias(radial, radial_bias, edge, G - H + h, mask, within, G)
        mixed_part = _with_bias(mixed, mixed_bias, edge, G - H + h, mask, within, G)
        feature = _tile(features, atom, (2 * H if VECTORS else H) + h, mask, F)
        along = unit_x * x + unit_y * y + unit_z * z
        product = feature * (radial_part * mixed_part)
        by_x += factor * product * x
        by_y += factor * product * y
        by_z += factor * product * z
        by_factor += product * along
        by_gate = factor * feature * along
        if BRANCHED:
            by_gate += _tile(by_gates, edge, G - H + h, mask, G)
        tl.store(by_mixed + place + (G - H), by_gate * radial_part, mask=mask)
        tl.store(by_radial + place + (G - H), by_gate * mixed_part, mask=mask)

        if VECTORS or BRANCHED:
            radial_part = _with_bias(radial, radial_bias, edge, H + h, mask, within, G)
            mixed_part = _with_bias(mixed, mixed_bias, edge, H + h, mask, within, G)
            by_gate = tl.zeros([EDGES, BLOCK], by_frame.dtype.element_ty)
            if VECTORS:
                along = _tile(features, atom, 3 * H + h, mask, F) * x
                along += _tile(features, atom, 4 * H + h, mask, F) * y
                along += _tile(features, atom, 5 * H + h, mask, F) * z
                product = _tile(features, atom, H + h, mask, F) * along
                by_factor += product * (radial_part * mixed_part)
                by_gate = factor * product
            if BRANCHED:
                by_gate += _tile(by_gates, edge, H + h, mask, G)
            tl.store(by_mixed + place + H, by_gate * radial_part, mask=mask)
            tl.store(by_radial + place + H, by_gate * mixed_part, mask=mask)
    into = by_frame + edge * 4
    tl.store(into, tl.sum(by_x, 1), mask=there)
    tl.store(into + 1, tl.sum(by_y, 1), mask=there)
    tl.store(into + 2, tl.sum(by_z, 1), mask=there)
    # What official-v1's messages are multiplied by is a constant.
    tl.store(into + 3, tl.sum(by_factor, 1) * (0.0 if OFFICIAL else 1.0), mask=there)


@triton.jit
def gradients_by_senders(
    mixed, mixed_bias, radial, radial_bias, features, frame, filled, receiver, order, first_place, by_sums, by_scalars,
    by_features,
    H: tl.constexpr, G: tl.constexpr, F: tl.constexpr, WIDTH: tl.constexpr, SCALARS_AT: tl.constexpr,
    OFFICIAL: tl.constexpr, VECTORS: tl.constexpr, BRANCHED: tl.constexpr,
    CHUNK: tl.constexpr, EDGES: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """A sender and BLOCK channels: adds to the gradient by its features."""
    atom = tl.program_id(0).to(tl.int64)
    h = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    within = h < H
    begin = tl.load(first_place + atom)
    end = tl.load(first_place + atom + 1)
    by_scalar = tl.zeros([EDGES, BLOCK], by_features.dtype.element_ty)
    by_directed, by_carried, by_x, by_y, by_z = by_scalar, by_scalar, by_scalar, by_scalar, by_scalar
    own = features + atom * F
    if VECTORS:
        carried = tl.load(own + H + h, mask=within, other=0.0)[None, :]
        vector_x = tl.load(own + 3 * H + h, mask=within, other=0.0)[None, :]
        vector_y = tl.load(own + 4 * H + h, mask=within, other=0.0)[None, :]
        vector_z = tl.load(own + 5 * H + h, mask=within, other=0.0)[None, :]
    for start in range(begin, end, EDGES):
        place = start + tl.arange(0, EDGES).to(tl.int64)
        there = place < end
        mask = there[:, None] & within[None, :]
        edge = tl.load(order + place, mask=there, other=0).to(tl.int64)
        to = tl.load(receiver + edge // CHUNK, mask=there, other=0)
        unit_x, unit_y, unit_z, factor = _frame(frame, filled, edge, there, OFFICIAL)
        scalar = _tile(by_sums, to, SCALARS_AT + h, mask, WIDTH)
        x = _tile(by_sums, to, SCALARS_AT + H + h, mask, WIDTH)
        y = _tile(by_sums, to, SCALARS_AT + 2 * H + h, mask, WIDTH)
        z = _tile(by_sums, to, SCALARS_AT + 3 * H + h, mask, WIDTH)
        if BRANCHED:
            scalar += _tile(by_scalars, edge, h, mask, H)
        by_scalar += factor * scalar * _gate(mixed, mixed_bias, radial, radial_bias, edge, h, mask, within, G)
        along = factor * (unit_x * x + unit_y * y + unit_z * z)
        by_directed += along * _gate(mixed, mixed_bias, radial, radial_bias, edge, G - H + h, mask, within, G)
        if VECTORS:
            gate = factor * _gate(mixed, mixed_bias, radial, radial_bias, edge, H + h, mask, within, G)
            by_carried += gate * (vector_x * x + vector_y * y + vector_z * z)
            by_x += gate * carried * x
            by_y += gate * carried * y
            by_z += gate * carried * z
    into = by_features + atom * F
    _add(into, h, within, by_scalar)
    _add(into, (2 * H if VECTORS else H) + h, within, by_directed)
    if VECTORS:
        _add(into, H + h, within, by_carried)
        _add(into, 3 * H + h, within, by_x)
        _add(into, 4 * H + h, within, by_y)
        _add(into, 5 * H + h, within, by_z)


@triton.jit
def sum_chunks(
    chunks, first_chunk, sums,
    C: tl.constexpr, WIDTH: tl.constexpr, FIRST: tl.constexpr, ROWS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """A receiver and BLOCK of the C columns of (n, C) `chunks`: adds to its sums, from column FIRST on."""
    receiver = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    within = column < C
    begin = tl.load(first_chunk + receiver)
    end = tl.load(first_chunk + receiver + 1)
    total = tl.zeros([ROWS, BLOCK], sums.dtype.element_ty)
    for start in range(begin, end, ROWS):
        row = start + tl.arange(0, ROWS).to(tl.int64)
        total += _tile(chunks, row, column, (row < end)[:, None] & within[None, :], C)
    _add(sums + receiver * WIDTH + FIRST, column, within, total)

// The constants of a message layer.
#pragma once

#include "radial.hpp"

// Constants, see `layer.py`; G = parts * H gates. Padded columns are zero.
struct Layer {
    Table radial;                           // added to hidden units (3 H), and factors of the gates (G)
    Matrix first, second;                   // 2 H to 3 H, 3 H to G
    Matrix branch, gate, inner;             // G to B, B to K, H to 2 K (each K padded)
    Matrix to_weights, to_hidden;           // 3 H to 2 H, G to 3 H
    Matrix to_gates, to_branch, to_scalar;  // B to G, K to B, 2 K to H
    const float *u, *v, *shift;             // (C padded) each of official-v1; only shift (2 K padded) of the paper's
    int64_t parts, K, C;                    // C: angles of official-v1
    int64_t official, vectors, branched;

    int64_t gates() const { return parts * H; }
    int64_t read() const { return branched ? branch.columns : 0; }
    int64_t kept() const { return 3 * H + gates() + read() + (branched ? gate.columns + inner.columns : 0); }
    int64_t scalars_at() const { return official && branched ? C : 0; }
    int64_t sums() const { return 4 * H + (!branched ? 0 : official ? C : 2 * K); }
    int64_t features() const { return (vectors ? 6 : 2) * H; }
};

// The radial network on a tile of edges: what depends on their lengths alone.
#pragma once

#include <cmath>

#include "edges.hpp"

// The radial network and its columns, see `radial.py`: K = r + R columns, padded columns are zero.
struct Radial {
    Matrix first, last, taken, features;                     // R to H, H to r, R to r (if reduced), K to H
    Matrix to_hidden, to_basis, taken_to_basis, to_columns;  // r to H, H to R, r to R, H to K
    const float* frequencies;                                // (R,) padded
    int64_t R, r, reduced, envelope;                         // envelope: 0 cosine, 1 polynomial, 2 bump
    float cutoff, epsilon;

    int64_t columns() const { return r + R; }
};

// Factor of an edge and its derivative by the distance, see `basis.py`.
template <class Real>
inline void envelope(int64_t kind, Real x, Real cutoff, Real& value, Real& slope) {
    constexpr Real PI = 3.14159265358979323846;
    value = slope = 0;
    if (!(x < 1)) return;
    if (kind == 0) {
        value = (std::cos(PI * x) + 1) / 2;
        slope = -PI / 2 * std::sin(PI * x);
    } else if (kind == 1) {  // p = 6
        const Real x2 = x * x, x5 = x2 * x2 * x;
        value = 1 - x5 * x * (28 - 48 * x + 21 * x2);
        slope = -x5 * 168 * (1 - x) * (1 - x);
    } else {
        const Real left = 1 - x * x;
        value = std::exp(1 - 1 / left);
        slope = -value * 2 * x / (left * left);
    }
    slope /= cutoff;
}

// Arrays of a tile; what is padded to LANES is named by a capital P.
struct Tile {
    const Radial& radial;
    int64_t RP, rP, KP;
    float *basis, *slope, *hidden, *active, *components, *columns, *feature, *smooth;

    Tile(const Radial& radial, Scratch& s)
        : radial(radial),
          RP(padded(radial.R)),
          rP(radial.last.columns),
          KP(padded(radial.columns())),
          basis(s.rows(RP)),
          slope(s.rows(RP)),
          hidden(s.rows(H)),
          active(s.rows(H)),
          components(s.rows(rP)),
          columns(s.rows(std::max(KP, rP))),
          feature(s.rows(H)),
          smooth(s.rows(4)) {}

    static int64_t floats(const Radial& radial) {
        const int64_t RP = padded(radial.R), rP = radial.last.columns, KP = padded(radial.columns());
        return TILE * (2 * RP + 4 * H + 2 * rP + KP + 4);
    }

    // Distance, envelope and its slope of each edge into `smooth`; basis functions and, if wanted, their slopes.
    void expand(const float* vector, int64_t rows, bool slopes) {
        for (int64_t e = 0; e < rows; e++) {
            const float *v = vector + e * 3, d = std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
            float* to = smooth + e * 4;
            to[0] = d;
            envelope<float>(radial.envelope, d / radial.cutoff, radial.cutoff, to[1], to[2]);
            const float factor = 2.0f / radial.cutoff, inverse = 1.0f / d;
            for (int64_t k = 0; k < RP; k += LANES) {
                const Vector w = load(radial.frequencies + k);
                Vector sine, cosine;
                sine_and_cosine(w * d / radial.cutoff, sine, cosine);
                const Vector value = factor * sine * inverse;
                store(basis + e * RP + k, value);
                if (slopes) store(slope + e * RP + k, (factor * w / radial.cutoff * cosine - value) * inverse);
            }
        }
    }

    // Components without the envelope.
    void run_network(int64_t rows) {
        multiply(basis, RP, radial.first, hidden, H, rows);
        for (int64_t k = 0; k < rows * H; k += LANES) store(active + k, silu(load(hidden + k)));
        multiply(active, H, radial.last, components, rP, rows);
    }
};

// (rows, H) radial features from the columns of the weights.
inline const float* features(const Radial& radial, const float* columns, int64_t stride, float* feature, int64_t& own,
                             int64_t rows) {
    if (!radial.reduced) {
        own = stride;
        return columns;
    }
    own = H;
    multiply(columns, stride, radial.features, feature, H, rows);
    return feature;
}

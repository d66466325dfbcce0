// What depends on the length of an edge alone: its envelope, and functions that are read from tables.
#pragma once

#include <cmath>

#include "edges.hpp"

constexpr int TERMS = 7;  // of a polynomial

// Functions of the distance at one distance: their terms in its interval, and the factors of these.
struct Place {
    const float* terms;
    int64_t columns;
    float powers[TERMS], slopes[TERMS];

    INLINE Vector value(int64_t column) const {
        Vector sum = load(terms + column);  // of power 0
        for (int k = 1; k < TERMS; k++) sum += powers[k] * load(terms + k * columns + column);
        return sum;
    }
    // By the distance in Å.
    INLINE Vector slope(int64_t column) const {
        Vector sum{};
        for (int k = 1; k < TERMS; k++) sum += slopes[k] * load(terms + k * columns + column);
        return sum;
    }
};

// Functions of the distance as polynomials in n equal intervals up to the cutoff, see `table.py`.
struct Table {
    const float* terms;  // (n, TERMS, columns), power 0 first
    int64_t columns, n;  // columns: a multiple of LANES
    float per_length;    // intervals an Å

    // Beyond the cutoff, where filling lies, as at the cutoff.
    Place at(float distance) const {
        const float x = std::min(distance * per_length, (float)n);
        const int64_t i = std::min((int64_t)x, n - 1);
        const float t = x - (float)i - 0.5f;
        Place place{terms + i * TERMS * columns, columns, {1.0f}, {}};
        for (int k = 1; k < TERMS; k++) {
            place.powers[k] = t * place.powers[k - 1];
            place.slopes[k] = (float)k * per_length * place.powers[k - 1];
        }
        return place;
    }
};

// Constants of the stages before the layers, see `embedding.py`.
struct Radial {
    Table features;    // H of them
    int64_t envelope;  // 0 cosine, 1 polynomial, 2 bump
    float cutoff, epsilon;
};

INLINE float length(const float* vector) {
    return std::sqrt(vector[0] * vector[0] + vector[1] * vector[1] + vector[2] * vector[2]);
}

// Adds to the gradient by an edge's vector what its length passes on.
INLINE void add_by_length(const Edges& edges, const Gradients& to, int64_t edge, float by_length) {
    const float *v = edges.vector + edge * 3, factor = by_length / length(v);
    for (int k = 0; k < 3; k++) to.vector[edge * 3 + k] += factor * v[k];
}

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

// From the weights of edges to the gates of their messages.
#pragma once

#include "layer.hpp"

// Slopes of the hidden units' SiLUs (3 H) and the two-layer network's output (G); of the branch, what it reads, then
// the slopes of its SiLUs (B), the gate before its SiLU (K), and the inner sums (2 K); in rows of `kept()` columns.
struct Network {
    float *slopes, *mixed, *read, *gate, *inner;
    int64_t stride;

    Network(const Layer& layer, float* rows) : slopes(rows), mixed(rows + 3 * H), stride(layer.kept()) {
        read = mixed + layer.gates();
        gate = read + layer.read();
        inner = gate + layer.gate.columns;
    }
};

// SiLU of hidden units; the slopes that stay in their place are all that the backward needs of them.
inline void activate(float* hidden, int64_t stride, float* active, int64_t columns, int64_t rows) {
    for (int64_t e = 0; e < rows; e++)
        for (int64_t h = 0; h < columns; h += LANES) {
            const Vector x = load(hidden + e * stride + h), s = sigmoid(x);
            store(active + e * columns + h, x * s);
            store(hidden + e * stride + h, silu_slope(x, s));
        }
}

inline void multiply_gates(const Layer& layer, const Network& at, const float* radial, float* gates, int64_t rows) {
    const int64_t G = layer.gates();
    for (int64_t e = 0; e < rows; e++)
        for (int64_t g = 0; g < G; g += LANES)
            store(gates + e * G + g, load(radial + e * G + g) * load(at.mixed + e * at.stride + g));
}

// What the lengths of edges give to the hidden units, which stays to be added to, and the factors of the gates.
inline void radial_parts(const Layer& layer, const Edges& edges, int64_t first, const Network& at, float* radial,
                         int64_t rows) {
    const int64_t G = layer.gates();
    for (int64_t e = 0; e < rows; e++) {
        const Place place = layer.radial.at(length(edges.vector + (first + e) * 3));
        for (int h = 0; h < 3 * H; h += LANES) store(at.slopes + e * at.stride + h, place.value(h));
        for (int64_t g = 0; g < G; g += LANES) store(radial + e * G + g, place.value(3 * H + g));
    }
}

// From the weights of edges to gates; `active` and `radial` are scratch.
inline void run_network(const Layer& layer, const Edges& edges, int64_t first, const Network& at, float* active,
                        float* radial, float* gates, int64_t rows) {
    radial_parts(layer, edges, first, at, radial, rows);
    multiply(edges.weights + first * edges.W, edges.W, layer.first, at.slopes, at.stride, rows, true);
    activate(at.slopes, at.stride, active, 3 * H, rows);
    multiply(active, 3 * H, layer.second, at.mixed, at.stride, rows);
    multiply_gates(layer, at, radial, gates, rows);
    if (layer.branched) multiply(gates, layer.gates(), layer.branch, at.read, at.stride, rows);
}

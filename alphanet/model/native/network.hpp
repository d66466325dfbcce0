// From the weights of edges to the gates of their messages.
#pragma once

#include "layer.hpp"

// Slopes of the hidden units' SiLUs (3 H), the two-layer network's output (G) and what the branch reads (B) in rows of
// `kept()` columns.
struct Network {
    float *slopes, *mixed, *read;
    int64_t stride;

    Network(const Layer& layer, float* rows) : slopes(rows), mixed(rows + 3 * H), stride(layer.kept()) {
        read = mixed + layer.gates();
    }
};

// SiLU of the hidden units; what stays in their place is all that the backward needs of them.
inline void activate(const Network& at, float* active, int64_t rows) {
    for (int64_t e = 0; e < rows; e++)
        for (int h = 0; h < 3 * H; h += LANES) {
            float* hidden = at.slopes + e * at.stride + h;
            const Vector x = load(hidden), s = sigmoid(x);
            store(active + e * 3 * H + h, x * s);
            store(hidden, silu_slope(x, s));
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
    activate(at, active, rows);
    multiply(active, 3 * H, layer.second, at.mixed, at.stride, rows);
    multiply_gates(layer, at, radial, gates, rows);
    if (layer.branched) multiply(gates, layer.gates(), layer.branch, at.read, at.stride, rows);
}

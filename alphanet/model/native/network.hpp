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

// From the edges' weights to gates; `active` and `radial` are scratch.
inline void run_network(const Layer& layer, const float* x, const Network& at, float* active, float* radial,
                        float* gates, int64_t rows) {
    multiply(x, layer.first.K, layer.first, at.slopes, at.stride, rows);
    activate(at, active, rows);
    multiply(active, 3 * H, layer.second, at.mixed, at.stride, rows);
    multiply(x + layer.first.K - layer.radial.K, layer.first.K, layer.radial, radial, layer.gates(), rows);
    multiply_gates(layer, at, radial, gates, rows);
    if (layer.branched) multiply(gates, layer.gates(), layer.branch, at.read, at.stride, rows);
}

// The branch that rotates features: what it reads of the gates, and what its sums are, in both readings.
#pragma once

#include "layer.hpp"

// Arrays of a tile. Pairs are real parts, then imaginary ones, each padded.
struct Branch {
    float *active, *gate;  // (TILE, B) SiLU of what is read; (TILE, K) before its SiLU
    float* scalar;         // (TILE, H) scalar messages, and in the backward the gradient by them
    float* inner;          // (TILE, 2 K)
    float* angles;         // (C) or (2 K): sums of a receiver, or the gradients by them

    Branch(const Layer& layer, Scratch& scratch)
        : active(scratch.rows(layer.read())),
          gate(scratch.rows(layer.gate.columns)),
          scalar(scratch.rows(H)),
          inner(scratch.rows(layer.inner.columns)),
          angles(scratch.rows(std::max(padded(layer.C), layer.inner.columns), 1)) {}

    static int64_t floats(const Layer& layer) {
        return TILE * (layer.read() + layer.gate.columns + H + layer.inner.columns) + 256 +
               std::max(padded(layer.C), layer.inner.columns);
    }
};

inline void branch_gate(const Layer& layer, Branch& b, const float* read, int64_t stride, int64_t rows) {
    const int64_t B = layer.read();
    for (int64_t e = 0; e < rows; e++)
        for (int64_t k = 0; k < B; k += LANES) store(b.active + e * B + k, silu(load(read + e * stride + k)));
    multiply(b.active, B, layer.gate, b.gate, layer.gate.columns, rows);
}

// The four sums over k of official-v1: of conv and of alpha conv, real and imaginary.
struct Four {
    float real, imaginary, real_alpha, imaginary_alpha;
};

INLINE Four four(const float* inner, const float* gate, int64_t K) {
    Vector r{}, i{}, ra{}, ia{};
    for (int64_t k = 0; k < K; k += LANES) {
        const Vector real = load(inner + k), imaginary = load(inner + K + k), alpha = silu(load(gate + k));
        r += real, i += imaginary, ra += real * alpha, ia += imaginary * alpha;
    }
    return {total(r), total(i), total(ra), total(ia)};
}

template <bool OFFICIAL>
inline void branch_sums(const Layer& layer, const Edges& edges, Branch& b, int64_t first, int64_t rows, float* sums) {
    const int64_t K = layer.gate.columns;
    multiply(b.scalar, H, layer.inner, b.inner, 2 * K, rows);
    by_receivers(edges, first, rows, [&](int64_t receiver, int64_t begin, int64_t end) {
        float* into = sums + receiver * layer.sums() + (OFFICIAL ? 0 : 4 * H);
        if (OFFICIAL) {
            copy_padded(b.angles, into, layer.C, padded(layer.C));
        } else {
            copy_padded(b.angles, into, layer.K, K);
            copy_padded(b.angles + K, into + layer.K, layer.K, K);
        }
        for (int64_t row = begin; row < end; row++) {
            const int64_t edge = first + row;
            const float *inner = b.inner + row * 2 * K, *gate = b.gate + row * K;
            if (OFFICIAL) {
                const Four f = four(inner, gate, K);
                for (int64_t k = 0; k < padded(layer.C); k += LANES) {
                    const Vector u = load(layer.u + k), v = load(layer.v + k), shift = load(layer.shift + k);
                    const Vector y = f.imaginary_alpha * u + f.imaginary * v + shift;
                    const Vector x = f.real_alpha * u + f.real * v + shift;
                    add_to(b.angles + k, edges.filled[edge] * angle(y, x));
                }
            } else {
                const float smooth = edges.frame[edge * 4 + 3];
                for (int64_t k = 0; k < K; k += LANES) {
                    const Vector g = silu(load(gate + k));
                    add_to(b.angles + k, (load(inner + k) + smooth * load(layer.shift + k)) * g);
                    add_to(b.angles + K + k, (load(inner + K + k) + smooth * load(layer.shift + K + k)) * g);
                }
            }
        }
        std::copy_n(b.angles, OFFICIAL ? layer.C : layer.K, into);
        if (!OFFICIAL) std::copy_n(b.angles + K, layer.K, into + layer.K);
    });
}

// From the gradient by the sums to those by the gates (written) and by the scalar messages (in b.scalar, which holds
// the messages before); the paper's by the envelope is added to the frames'.
template <bool OFFICIAL>
inline void branch_back(const Layer& layer, const Edges& edges, Branch& b, int64_t first, int64_t rows,
                        const float* by_sums, const float* read, int64_t stride, float* by_gates, float* by_frame) {
    const int64_t K = layer.gate.columns, B = layer.read();
    branch_gate(layer, b, read, stride, rows);
    multiply(b.scalar, H, layer.inner, b.inner, 2 * K, rows);
    const int64_t width = padded(layer.C);
    by_receivers(edges, first, rows, [&](int64_t receiver, int64_t begin, int64_t end) {
        const float* by = by_sums + receiver * layer.sums();
        if (OFFICIAL) {
            copy_padded(b.angles, by, layer.C, width);
        } else {
            copy_padded(b.angles, by + 4 * H, layer.K, K);
            copy_padded(b.angles + K, by + 4 * H + layer.K, layer.K, K);
        }
        for (int64_t row = begin; row < end; row++) {
            const int64_t edge = first + row;
            float *inner = b.inner + row * 2 * K, *gate = b.gate + row * K;
            Four by_four{};
            if (OFFICIAL) {
                const Four f = four(inner, gate, K);
                Vector r{}, i{}, ra{}, ia{};
                for (int64_t k = 0; k < width; k += LANES) {
                    const Vector u = load(layer.u + k), v = load(layer.v + k), shift = load(layer.shift + k);
                    const Vector y = f.imaginary_alpha * u + f.imaginary * v + shift;
                    const Vector x = f.real_alpha * u + f.real * v + shift;
                    const Vector square = x * x + y * y;
                    const Vector g = square == 0.0f ? Vector{} : edges.filled[edge] * load(b.angles + k) / square;
                    const Vector by_x = -g * y, by_y = g * x;
                    r += by_x * v, i += by_y * v, ra += by_x * u, ia += by_y * u;
                }
                by_four = {total(r), total(i), total(ra), total(ia)};
            }
            const float smooth = edges.frame[edge * 4 + 3];
            Vector by_smooth{};
            for (int64_t k = 0; k < K; k += LANES) {
                const Vector before = load(gate + k), s = sigmoid(before), g = before * s;
                Vector real = load(inner + k), imaginary = load(inner + K + k), by_gate;
                if (OFFICIAL) {
                    by_gate = by_four.real_alpha * real + by_four.imaginary_alpha * imaginary;
                    real = by_four.real_alpha * g + by_four.real;
                    imaginary = by_four.imaginary_alpha * g + by_four.imaginary;
                } else {
                    const Vector shift_r = load(layer.shift + k), shift_i = load(layer.shift + K + k);
                    const Vector by_real = load(b.angles + k), by_imaginary = load(b.angles + K + k);
                    by_gate = by_real * (real + smooth * shift_r) + by_imaginary * (imaginary + smooth * shift_i);
                    real = by_real * g;
                    imaginary = by_imaginary * g;
                    by_smooth += real * shift_r + imaginary * shift_i;
                }
                store(inner + k, real);
                store(inner + K + k, imaginary);
                store(gate + k, by_gate * silu_slope(before, s));
            }
            if (!OFFICIAL) by_frame[edge * 4 + 3] += total(by_smooth);
        }
    });
    multiply(b.inner, 2 * K, layer.to_scalar, b.scalar, H, rows);
    multiply(b.gate, K, layer.to_branch, b.active, B, rows);
    for (int64_t e = 0; e < rows; e++)
        for (int64_t k = 0; k < B; k += LANES) {
            const Vector x = load(read + e * stride + k);
            store(b.active + e * B + k, load(b.active + e * B + k) * silu_slope(x, sigmoid(x)));
        }
    multiply(b.active, B, layer.to_gates, by_gates, layer.gates(), rows);
}

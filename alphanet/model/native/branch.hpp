// The branch that rotates features: what it reads of the gates, and what its sums are, in both readings.
#pragma once

#include "network.hpp"

// Arrays of a tile. Pairs are real parts, then imaginary ones, each padded.
struct Branch {
    float* active;  // (TILE, B) SiLU of what is read
    float* scalar;  // (TILE, H) scalar messages, and in the backward the gradient by them
    float* angles;  // (C) or (2 K): sums of a receiver, or the gradients by them

    Branch(const Layer& layer, Scratch& scratch)
        : active(scratch.rows(layer.read())), scalar(scratch.rows(H)), angles(scratch.rows(width(layer), 1)) {}

    static int64_t width(const Layer& layer) { return std::max(padded(layer.C), layer.inner.columns); }
    static int64_t floats(const Layer& layer) { return TILE * (layer.read() + H) + 256 + width(layer); }
};

// From what is read, and the scalar messages, to gate and inner sums.
inline void branch_parts(const Layer& layer, const Branch& b, const Network& at, int64_t rows) {
    activate(at.read, at.stride, b.active, layer.read(), rows);
    multiply(b.active, layer.read(), layer.gate, at.gate, at.stride, rows);
    multiply(b.scalar, H, layer.inner, at.inner, at.stride, rows);
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

// The branch's part of a receiver's sums, or of the gradients by them, to `angles`, with parts filled up.
template <bool OFFICIAL>
inline void read_angles(const Layer& layer, const float* sums, float* angles) {
    if (OFFICIAL) {
        copy_padded(angles, sums, layer.C, padded(layer.C));
    } else {
        const int64_t K = layer.gate.columns;
        copy_padded(angles, sums, layer.K, K);
        copy_padded(angles + K, sums + layer.K, layer.K, K);
    }
}

template <bool OFFICIAL>
inline void branch_sums(const Layer& layer, const Edges& edges, const Branch& b, const Network& at, int64_t first,
                        int64_t rows, float* sums) {
    const int64_t K = layer.gate.columns;
    by_receivers(edges, first, rows, [&](int64_t receiver, int64_t begin, int64_t end) {
        float* into = sums + receiver * layer.sums() + (OFFICIAL ? 0 : 4 * H);
        read_angles<OFFICIAL>(layer, into, b.angles);
        for (int64_t row = begin; row < end; row++) {
            const int64_t edge = first + row;
            const float *inner = at.inner + row * at.stride, *gate = at.gate + row * at.stride;
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

// From the gradient by the sums to those by the gates (written) and by the scalar messages (in b.scalar); the paper's
// by the envelope is added to the frames'. Gradients take the place of gate and inner sums.
template <bool OFFICIAL>
inline void branch_back(const Layer& layer, const Edges& edges, const Branch& b, const Network& at, int64_t first,
                        int64_t rows, const float* by_sums, float* by_gates, float* by_frame) {
    const int64_t K = layer.gate.columns, B = layer.read(), width = padded(layer.C);
    by_receivers(edges, first, rows, [&](int64_t receiver, int64_t begin, int64_t end) {
        read_angles<OFFICIAL>(layer, by_sums + receiver * layer.sums() + (OFFICIAL ? 0 : 4 * H), b.angles);
        for (int64_t row = begin; row < end; row++) {
            const int64_t edge = first + row;
            float *inner = at.inner + row * at.stride, *gate = at.gate + row * at.stride;
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
    multiply(at.inner, at.stride, layer.to_scalar, b.scalar, H, rows);
    multiply(at.gate, at.stride, layer.to_branch, b.active, B, rows);
    for (int64_t e = 0; e < rows; e++)
        for (int64_t k = 0; k < B; k += LANES)
            store(b.active + e * B + k, load(b.active + e * B + k) * load(at.read + e * at.stride + k));
    multiply(b.active, B, layer.to_gates, by_gates, layer.gates(), rows);
}

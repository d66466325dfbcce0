// Messages along edges from gates and the features of senders, their sums over receivers, and the derivatives.
#pragma once

#include "network.hpp"

struct Sender {
    const float* feature;
    float factor, x, y, z;  // of messages: whether there is an edge, or the envelope; and the unit vector
};

template <bool OFFICIAL>
INLINE Sender sender(const Layer& layer, const Edges& edges, int64_t edge) {
    const float* frame = edges.frame + edge * 4;
    return {edges.senders + edges.sender[edge] * layer.features(), OFFICIAL ? edges.filled[edge] : frame[3], frame[0],
            frame[1], frame[2]};
}

template <bool OFFICIAL, bool VECTORS, bool BRANCHED>
inline void add_messages(const Layer& layer, const Edges& edges, int64_t first, int64_t rows, const float* gates,
                         float* scalars, float* sums) {
    const int64_t G = layer.gates();
    constexpr int DIRECTED = VECTORS ? 2 * H : H;
    Sender senders[TILE];
    for (int64_t row = 0; row < rows; row++) senders[row] = sender<OFFICIAL>(layer, edges, first + row);
    by_receivers(edges, first, rows, [&](int64_t receiver, int64_t begin, int64_t end) {
        float* into = sums + receiver * layer.sums() + layer.scalars_at();
        for (int h = 0; h < H; h += LANES) {
            Vector scalar = load(into + h);
            Vector x = load(into + H + h), y = load(into + 2 * H + h), z = load(into + 3 * H + h);
            for (int64_t row = begin; row < end; row++) {
                const Sender& from = senders[row];
                const float *feature = from.feature + h, *gate = gates + row * G + h;
                const Vector m = from.factor * load(feature) * load(gate);
                if (BRANCHED) store(scalars + row * H + h, m);
                scalar += m;
                const Vector directed = from.factor * load(feature + DIRECTED) * load(gate + G - H);
                x += from.x * directed, y += from.y * directed, z += from.z * directed;
                if (VECTORS) {
                    const Vector carried = from.factor * load(feature + H) * load(gate + H);
                    x += load(feature + 3 * H) * carried;
                    y += load(feature + 4 * H) * carried;
                    z += load(feature + 5 * H) * carried;
                }
            }
            store(into + h, scalar);
            store(into + H + h, x), store(into + 2 * H + h, y), store(into + 3 * H + h, z);
        }
    });
}

template <bool OFFICIAL>
inline void scalar_messages(const Layer& layer, const Edges& edges, int64_t first, int64_t rows, const float* gates,
                            float* scalars) {
    for (int64_t row = 0; row < rows; row++) {
        const Sender from = sender<OFFICIAL>(layer, edges, first + row);
        for (int h = 0; h < H; h += LANES)
            store(scalars + row * H + h, from.factor * load(from.feature + h) * load(gates + row * layer.gates() + h));
    }
}

// Gradients by the products of the network (in place of by_gates, if branched), and by the lengths through the radial
// factors of the gates, whose slopes are given; those by frames are added, and so are those by the senders' features,
// or kept apart for each edge.
template <bool OFFICIAL, bool VECTORS, bool BRANCHED>
inline void messages_back(const Layer& layer, const Edges& edges, int64_t first, int64_t rows, const Network& at,
                          const float* by_sums, const float* by_scalars, const float* radial, const float* slopes,
                          float* by_gates, float* by_lengths, const Gradients& to) {
    const int64_t G = layer.gates(), F = layer.features();
    constexpr int DIRECTED = VECTORS ? 2 * H : H;
    for (int64_t row = 0; row < rows; row++) {
        const int64_t edge = first + row;
        const Sender from = sender<OFFICIAL>(layer, edges, edge);
        const float* by = by_sums + edges.receiver[edge] * layer.sums() + layer.scalars_at();
        float* into = to.to_sender(edges, edge, F);
        float* g = by_gates + row * G;
        const float *r = radial + row * G, *slope = slopes + row * G, *mixed = at.mixed + row * at.stride;
        Vector by_x{}, by_y{}, by_z{}, by_factor{}, by_length{};
        auto finish = [&](int64_t at, Vector by_gate, Vector radial) {
            if (BRANCHED) by_gate += load(g + at);
            store(g + at, by_gate * radial);
            by_length += by_gate * load(mixed + at) * load(slope + at);
        };
        for (int h = 0; h < H; h += LANES) {
            const Vector x = load(by + H + h), y = load(by + 2 * H + h), z = load(by + 3 * H + h);
            Vector scalar = load(by + h);
            if (BRANCHED) scalar += load(by_scalars + row * H + h);
            {
                const Vector radial = load(r + h), gate = radial * load(mixed + h), feature = load(from.feature + h);
                const Vector scaled = from.factor * scalar;
                if (!OFFICIAL) by_factor += feature * gate * scalar;
                to.give(into + h, gate * scaled);
                finish(h, feature * scaled, radial);
            }
            {
                const Vector radial = load(r + G - H + h), gate = radial * load(mixed + G - H + h);
                const Vector feature = load(from.feature + DIRECTED + h);
                const Vector along = from.x * x + from.y * y + from.z * z, scaled = from.factor * along;
                const Vector product = feature * gate, directed = from.factor * product;
                by_x += directed * x, by_y += directed * y, by_z += directed * z;
                if (!OFFICIAL) by_factor += product * along;
                to.give(into + DIRECTED + h, gate * scaled);
                finish(G - H + h, feature * scaled, radial);
            }
            if (VECTORS) {
                const Vector radial = load(r + H + h), gate = radial * load(mixed + H + h);
                const Vector feature = load(from.feature + H + h);
                const Vector along = load(from.feature + 3 * H + h) * x + load(from.feature + 4 * H + h) * y +
                                     load(from.feature + 5 * H + h) * z;
                const Vector product = feature * gate, carried = from.factor * product, scaled = from.factor * along;
                if (!OFFICIAL) by_factor += product * along;
                to.give(into + H + h, gate * scaled);
                to.give(into + 3 * H + h, carried * x);
                to.give(into + 4 * H + h, carried * y);
                to.give(into + 5 * H + h, carried * z);
                finish(H + h, feature * scaled, radial);
            } else if (BRANCHED) {
                finish(H + h, Vector{}, load(r + H + h));
            }
        }
        by_lengths[row] = total(by_length);
        float* frame = to.frame + edge * 4;
        frame[0] += total(by_x), frame[1] += total(by_y), frame[2] += total(by_z);
        if (!OFFICIAL) frame[3] += total(by_factor);
    }
}

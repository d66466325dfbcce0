// The surroundings of atoms: sums over neighbors of unit vectors times radial features times what neighbors send.
#include "radial.hpp"

namespace {

void forward(const Radial& radial, const Edges& edges, int64_t begin, int64_t end, float* sums) {
    by_tiles(begin, end, [&](int64_t first, int64_t rows) {
        Place places[TILE];
        for (int64_t e = 0; e < rows; e++) places[e] = radial.features.at(length(edges.vector + (first + e) * 3));
        by_receivers(edges, first, rows, [&](int64_t receiver, int64_t from, int64_t to) {
            float* sum = sums + receiver * 3 * H;
            for (int h = 0; h < H; h += LANES) {
                Vector x = load(sum + h), y = load(sum + H + h), z = load(sum + 2 * H + h);
                for (int64_t e = from; e < to; e++) {
                    const int64_t edge = first + e;
                    const float *frame = edges.frame + edge * 4, *sent = edges.senders + edges.sender[edge] * H;
                    const Vector m = edges.filled[edge] * places[e].value(h) * load(sent + h);
                    x += frame[0] * m, y += frame[1] * m, z += frame[2] * m;
                }
                store(sum + h, x), store(sum + H + h, y), store(sum + 2 * H + h, z);
            }
        });
    });
}

void backward(const Radial& radial, const Edges& edges, int64_t begin, int64_t end, const float* by_sums,
              const Gradients& to) {
    for (int64_t edge = begin; edge < end; edge++) {
        const float *frame = edges.frame + edge * 4, *sent = edges.senders + edges.sender[edge] * H;
        const float *by = by_sums + edges.receiver[edge] * 3 * H, filled = edges.filled[edge];
        const Place place = radial.features.at(length(edges.vector + edge * 3));
        float* to_sender = to.to_sender(edges, edge, H);
        Vector by_x{}, by_y{}, by_z{}, by_features{};
        for (int h = 0; h < H; h += LANES) {
            const Vector x = load(by + h), y = load(by + H + h), z = load(by + 2 * H + h);
            const Vector factor = filled * place.value(h), source = load(sent + h);
            const Vector by_message = frame[0] * x + frame[1] * y + frame[2] * z, message = factor * source;
            by_x += message * x, by_y += message * y, by_z += message * z;
            to.give(to_sender + h, factor * by_message);
            by_features += source * by_message * place.slope(h);
        }
        float* by_frame = to.frame + edge * 4;
        by_frame[0] += total(by_x), by_frame[1] += total(by_y), by_frame[2] += total(by_z);
        add_by_length(edges, to, edge, filled * total(by_features));
    }
}

}  // namespace

extern "C" {

// Adds the surroundings (N, 3 H).
void surroundings_forward(const Radial* radial, const Edges* edges, float* sums, int64_t threads) {
    in_parts(*edges, threads, [&](int64_t a, int64_t b) { forward(*radial, *edges, a, b, sums); });
}

// Adds the gradients by vectors, frames and what senders gave (N, H).
void surroundings_backward(const Radial* radial, const Edges* edges, const float* by_sums, const Gradients* to,
                           int64_t threads) {
    in_parts(*edges, threads, [&](int64_t a, int64_t b) { backward(*radial, *edges, a, b, by_sums, *to); });
    gather(*edges, *to, H, threads);
}
}

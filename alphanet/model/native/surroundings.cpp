// The surroundings of atoms: sums over neighbors of unit vectors times radial features times what neighbors send.
#include "radial.hpp"

namespace {

void forward(const Radial& radial, const Edges& edges, int64_t begin, int64_t end, float* sums) {
    Scratch scratch(TILE * H);
    float* own = scratch.rows(H);
    by_tiles(begin, end, [&](int64_t first, int64_t chunks) {
        int64_t stride;
        const float* columns = edges.weights + first * CHUNK * edges.W + 2 * H;
        const float* feature = features(radial, columns, edges.W, own, stride, chunks * CHUNK);
        for (int64_t c = 0; c < chunks; c++) {
            float* sum = sums + edges.receiver[first + c] * 3 * H;
            for (int h = 0; h < H; h += LANES) {
                Vector x{}, y{}, z{};
                for (int e = 0; e < CHUNK; e++) {
                    const int64_t row = c * CHUNK + e, edge = first * CHUNK + row;
                    const float *frame = edges.frame + edge * 4, *sent = edges.senders + edges.sender[edge] * H;
                    const Vector m = edges.filled[edge] * load(feature + row * stride + h) * load(sent + h);
                    x += frame[0] * m, y += frame[1] * m, z += frame[2] * m;
                }
                add_to(sum + h, x), add_to(sum + H + h, y), add_to(sum + 2 * H + h, z);
            }
        }
    });
}

void backward(const Radial& radial, const Edges& edges, int64_t begin, int64_t end, const float* by_sums,
              const Gradients& to) {
    const int64_t KP = padded(radial.columns());
    Scratch scratch(TILE * (2 * H + KP));
    float *own = scratch.rows(H), *by_feature = scratch.rows(H), *by_columns = scratch.rows(KP);
    by_tiles(begin, end, [&](int64_t first, int64_t chunks) {
        const int64_t rows = chunks * CHUNK;
        int64_t stride;
        const float* columns = edges.weights + first * CHUNK * edges.W + 2 * H;
        const float* feature = features(radial, columns, edges.W, own, stride, rows);
        for (int64_t row = 0; row < rows; row++) {
            const int64_t edge = first * CHUNK + row;
            const float *frame = edges.frame + edge * 4, *sent = edges.senders + edges.sender[edge] * H;
            const float *by = by_sums + edges.receiver[edge / CHUNK] * 3 * H, filled = edges.filled[edge];
            float* to_sender = to.to_sender(edges, edge, H);
            Vector by_x{}, by_y{}, by_z{};
            for (int h = 0; h < H; h += LANES) {
                const Vector x = load(by + h), y = load(by + H + h), z = load(by + 2 * H + h);
                const Vector factor = filled * load(feature + row * stride + h), source = load(sent + h);
                const Vector by_message = frame[0] * x + frame[1] * y + frame[2] * z, message = factor * source;
                by_x += message * x, by_y += message * y, by_z += message * z;
                to.give(to_sender + h, factor * by_message);
                store(by_feature + row * H + h, filled * source * by_message);
            }
            float* by_frame = to.frame + edge * 4;
            by_frame[0] += total(by_x), by_frame[1] += total(by_y), by_frame[2] += total(by_z);
        }
        if (radial.reduced) multiply(by_feature, H, radial.to_columns, by_columns, KP, rows);
        for (int64_t row = 0; row < rows; row++) {
            float* into = to.weights + (first * CHUNK + row) * edges.W + 2 * H;
            if (radial.reduced)
                add(into, by_columns + row * KP, radial.columns());
            else
                add(into, by_feature + row * H, H);
        }
    });
}

}  // namespace

extern "C" {

// Adds the surroundings (N, 3 H).
void surroundings_forward(const Radial* radial, const Edges* edges, float* sums, int64_t threads) {
    in_parts(*edges, threads, [&](int64_t a, int64_t b) { forward(*radial, *edges, a, b, sums); });
}

// Adds the gradients by frames, radial columns and what senders gave (N, H).
void surroundings_backward(const Radial* radial, const Edges* edges, const float* by_sums, const Gradients* to,
                           int64_t threads) {
    in_parts(*edges, threads, [&](int64_t a, int64_t b) { backward(*radial, *edges, a, b, by_sums, *to); });
    gather(*edges, *to, H, threads);
}
}

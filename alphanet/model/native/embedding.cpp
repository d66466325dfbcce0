// Edges' frames and radial columns, and what atoms sum of them first.
#include "radial.hpp"

namespace {

const float NONE[H + 4] = {};  // gradient by sums that nothing reads

void forward(const Radial& radial, const Edges& edges, int64_t begin, int64_t end, float* sums) {
    Scratch scratch(Tile::floats(radial));
    Tile t(radial, scratch);
    by_tiles(begin, end, [&](int64_t first, int64_t chunks) {
        const int64_t rows = chunks * CHUNK;
        const float* vector = edges.vector + first * CHUNK * 3;
        t.expand(vector, rows, false);
        t.run_network(rows);
        if (radial.reduced) multiply(t.basis, t.RP, radial.taken, t.columns, t.rP, rows);
        float* into = edges.weights + first * CHUNK * edges.W + 2 * H;
        for (int64_t e = 0; e < rows; e++) {
            const float *v = vector + e * 3, *s = t.smooth + e * 4, filled = edges.filled[first * CHUNK + e];
            float *frame = edges.frame + (first * CHUNK + e) * 4, *columns = into + e * edges.W;
            for (int k = 0; k < 3; k++) frame[k] = v[k] / (s[0] + radial.epsilon);
            frame[3] = filled * s[1];
            for (int64_t k = 0; k < radial.r; k++)
                columns[k] = s[1] * t.components[e * t.rP + k] - (radial.reduced ? t.columns[e * t.rP + k] : 0.0f);
            for (int64_t k = 0; k < radial.R; k++) columns[radial.r + k] = t.basis[e * t.RP + k];
        }
        if (!sums) return;
        int64_t stride;
        const float* feature = features(radial, into, edges.W, t.feature, stride, rows);
        for (int64_t e = 0; e < rows; e++) {
            const int64_t edge = first * CHUNK + e;
            float* sum = sums + edges.receiver[edge / CHUNK] * (H + 4);
            const float *sent = edges.senders + edges.sender[edge] * H, *v = vector + e * 3;
            const float filled = edges.filled[edge], s = edges.frame[edge * 4 + 3];
            for (int h = 0; h < H; h += LANES)
                add_to(sum + h, filled * load(feature + e * stride + h) * load(sent + h));
            for (int k = 0; k < 3; k++) sum[H + k] += s * v[k];
            sum[H + 3] += s;
        }
    });
}

void backward(const Radial& radial, const Edges& edges, int64_t begin, int64_t end, const float* by_sums,
              const Gradients& to) {
    Scratch scratch(Tile::floats(radial));
    Tile t(radial, scratch);
    by_tiles(begin, end, [&](int64_t first, int64_t chunks) {
        const int64_t rows = chunks * CHUNK;
        t.expand(edges.vector + first * CHUNK * 3, rows, true);
        t.run_network(rows);
        for (int64_t e = 0; e < rows; e++) {
            const int64_t edge = first * CHUNK + e;
            const float *sent = edges.senders + edges.sender[edge] * H, filled = edges.filled[edge];
            const float* by = by_sums ? by_sums + edges.receiver[edge / CHUNK] * (H + 4) : NONE;
            for (int h = 0; h < H; h += LANES) store(t.feature + e * H + h, filled * load(by + h) * load(sent + h));
        }
        // Gradients by the columns, of which those by basis functions are put into `basis`, whose values are not
        // needed.
        if (radial.reduced) multiply(t.feature, H, radial.to_columns, t.columns, t.KP, rows);
        const int64_t stride = radial.reduced ? t.KP : H;
        for (int64_t e = 0; e < rows; e++) {
            const float* by_weights = to.weights + (first * CHUNK + e) * edges.W + 2 * H;
            float *smooth = t.smooth + e * 4, *basis = t.basis + e * t.RP, *components = t.components + e * t.rP;
            const float* own = (radial.reduced ? t.columns : t.feature) + e * stride;
            float by_smooth = 0.0f;
            for (int64_t k = 0; k < radial.r; k++) {
                const float by = by_weights[k] + own[k];
                by_smooth += by * components[k];
                components[k] = by;
            }
            for (int64_t k = 0; k < radial.R; k++)
                basis[k] = by_weights[radial.r + k] + (radial.reduced ? own[radial.r + k] : 0.0f);
            smooth[3] = by_smooth;
        }
        if (radial.reduced) {
            multiply(t.components, t.rP, radial.taken_to_basis, t.columns, t.RP, rows);
            for (int64_t k = 0; k < rows * t.RP; k++) t.basis[k] -= t.columns[k];
        }
        for (int64_t e = 0; e < rows; e++)
            for (int64_t k = 0; k < t.rP; k++) t.components[e * t.rP + k] *= t.smooth[e * 4 + 1];
        multiply(t.components, t.rP, radial.to_hidden, t.active, H, rows);
        for (int64_t k = 0; k < rows * H; k += LANES) {
            const Vector x = load(t.hidden + k);
            store(t.active + k, load(t.active + k) * silu_slope(x, sigmoid(x)));
        }
        multiply(t.active, H, radial.to_basis, t.columns, t.RP, rows);
        for (int64_t e = 0; e < rows; e++) {
            const int64_t edge = first * CHUNK + e;
            const float *s = t.smooth + e * 4,
                        *by = (by_sums ? by_sums + edges.receiver[edge / CHUNK] * (H + 4) : NONE) + H;
            const float *v = edges.vector + edge * 3, *by_frame = to.frame + edge * 4, filled = edges.filled[edge];
            Vector by_basis{};
            for (int64_t k = 0; k < t.RP; k += LANES)
                by_basis +=
                    (load(t.basis + e * t.RP + k) + load(t.columns + e * t.RP + k)) * load(t.slope + e * t.RP + k);
            const float length = s[0] + radial.epsilon, inverse = 1.0f / length;
            const float radially = by_frame[0] * v[0] + by_frame[1] * v[1] + by_frame[2] * v[2];
            const float by_smooth = s[3] + filled * (by_frame[3] + by[3] + by[0] * v[0] + by[1] * v[1] + by[2] * v[2]);
            const float by_distance = total(by_basis) + by_smooth * s[2] - radially * inverse * inverse;
            for (int k = 0; k < 3; k++)
                to.vector[edge * 3 + k] += filled * s[1] * by[k] + by_frame[k] * inverse + by_distance * v[k] / s[0];
        }
    });
}

}  // namespace

extern "C" {

int64_t lanes() { return LANES; }
int64_t panel() { return PANEL; }

// Writes frames and radial columns; adds the neighbors' sums (N, H + 4), if wanted.
void embedding_forward(const Radial* radial, const Edges* edges, float* sums, int64_t threads) {
    in_parts(*edges, threads, [&](int64_t a, int64_t b) { forward(*radial, *edges, a, b, sums); });
}

// Adds the gradient by the vectors; `by_sums` may be null: zero.
void embedding_backward(const Radial* radial, const Edges* edges, const float* by_sums, const Gradients* to,
                        int64_t threads) {
    in_parts(*edges, threads, [&](int64_t a, int64_t b) { backward(*radial, *edges, a, b, by_sums, *to); });
}
}

// The stages before the scalars: edges' frames and radial columns, and the surroundings of atoms.
#include <cmath>

#include "edges.hpp"

namespace {

// The radial network and its columns, see `radial.py`: K = r + R columns, padded columns are zero.
struct Radial {
    Matrix first, last, taken, features;                     // R to H, H to r, R to r (if reduced), K to H
    Matrix to_hidden, to_basis, taken_to_basis, to_columns;  // r to H, H to R, r to R, H to K
    const float* frequencies;                                // (R,) padded
    int64_t R, r, reduced, envelope;                         // envelope: 0 cosine, 1 polynomial, 2 bump
    float cutoff, epsilon;

    int64_t columns() const { return r + R; }
};

const float NONE[H + 4] = {};  // gradient by sums that nothing reads

// Factor of an edge and its derivative by the distance, see `basis.py`.
void envelope(int64_t kind, float x, float cutoff, float& value, float& slope) {
    value = slope = 0.0f;
    if (!(x < 1.0f)) return;
    if (kind == 0) {
        const float angle = 3.14159265358979f * x;
        value = 0.5f * (std::cos(angle) + 1.0f);
        slope = -0.5f * 3.14159265358979f * std::sin(angle);
    } else if (kind == 1) {  // p = 6
        const float x2 = x * x, x5 = x2 * x2 * x;
        value = 1.0f - x5 * x * (28.0f - 48.0f * x + 21.0f * x2);
        slope = -x5 * 168.0f * (1.0f - x) * (1.0f - x);
    } else {
        const float left = 1.0f - x * x;
        value = std::exp(1.0f - 1.0f / left);
        slope = -value * 2.0f * x / (left * left);
    }
    slope /= cutoff;
}

// Arrays of a tile; what is padded to LANES is named by a capital P.
struct Tile {
    const Radial& radial;
    int64_t RP, rP, KP;
    float *basis, *slope, *hidden, *active, *components, *columns, *feature, *smooth;

    Tile(const Radial& radial, Scratch& s)
        : radial(radial),
          RP(padded(radial.R)),
          rP(radial.last.columns),
          KP(padded(radial.columns())),
          basis(s.rows(RP)),
          slope(s.rows(RP)),
          hidden(s.rows(H)),
          active(s.rows(H)),
          components(s.rows(rP)),
          columns(s.rows(std::max(KP, rP))),
          feature(s.rows(H)),
          smooth(s.rows(4)) {}

    static int64_t floats(const Radial& radial) {
        const int64_t RP = padded(radial.R), rP = radial.last.columns, KP = padded(radial.columns());
        return TILE * (2 * RP + 4 * H + 2 * rP + KP + 4);
    }

    // Distance, envelope and its slope of each edge into `smooth`; basis functions and, if wanted, their slopes.
    void expand(const float* vector, int64_t rows, bool slopes) {
        for (int64_t e = 0; e < rows; e++) {
            const float *v = vector + e * 3, d = std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
            float* to = smooth + e * 4;
            to[0] = d;
            envelope(radial.envelope, d / radial.cutoff, radial.cutoff, to[1], to[2]);
            const float factor = 2.0f / radial.cutoff, inverse = 1.0f / d;
            for (int64_t k = 0; k < RP; k += LANES) {
                const Vector w = load(radial.frequencies + k);
                Vector sine, cosine;
                sine_and_cosine(w * d / radial.cutoff, sine, cosine);
                const Vector value = factor * sine * inverse;
                store(basis + e * RP + k, value);
                if (slopes) store(slope + e * RP + k, (factor * w / radial.cutoff * cosine - value) * inverse);
            }
        }
    }

    // Components without the envelope.
    void run_network(int64_t rows) {
        multiply(basis, RP, radial.first, hidden, H, rows);
        for (int64_t k = 0; k < rows * H; k += LANES) store(active + k, silu(load(hidden + k)));
        multiply(active, H, radial.last, components, rP, rows);
    }
};

// (rows, H) radial features from the columns of the weights.
const float* features(const Radial& radial, const float* columns, int64_t stride, float* feature, int64_t& own,
                      int64_t rows) {
    if (!radial.reduced) {
        own = stride;
        return columns;
    }
    own = H;
    multiply(columns, stride, radial.features, feature, H, rows);
    return feature;
}

void embedding_forward_part(const Radial& radial, const Edges& edges, int64_t begin, int64_t end, float* sums) {
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

void embedding_backward_part(const Radial& radial, const Edges& edges, int64_t begin, int64_t end, const float* by_sums,
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

void surroundings_forward_part(const Radial& radial, const Edges& edges, int64_t begin, int64_t end, float* sums) {
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

void surroundings_backward_part(const Radial& radial, const Edges& edges, int64_t begin, int64_t end,
                                const float* by_sums, const Gradients& to) {
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

int64_t lanes() { return LANES; }
int64_t panel() { return PANEL; }

// Writes frames and radial columns; adds the neighbours' sums (N, H + 4), if wanted.
void embedding_forward(const Radial* radial, const Edges* edges, float* sums, int64_t threads) {
    in_parts(*edges, threads, [&](int64_t a, int64_t b) { embedding_forward_part(*radial, *edges, a, b, sums); });
}

// Adds the gradient by the vectors; `by_sums` may be null: zero.
void embedding_backward(const Radial* radial, const Edges* edges, const float* by_sums, const Gradients* to,
                        int64_t threads) {
    in_parts(*edges, threads,
             [&](int64_t a, int64_t b) { embedding_backward_part(*radial, *edges, a, b, by_sums, *to); });
}

// Adds the surroundings (N, 3 H).
void surroundings_forward(const Radial* radial, const Edges* edges, float* sums, int64_t threads) {
    in_parts(*edges, threads, [&](int64_t a, int64_t b) { surroundings_forward_part(*radial, *edges, a, b, sums); });
}

// Adds the gradients by frames, radial columns and what senders gave (N, H).
void surroundings_backward(const Radial* radial, const Edges* edges, const float* by_sums, const Gradients* to,
                           int64_t threads) {
    in_parts(*edges, threads,
             [&](int64_t a, int64_t b) { surroundings_backward_part(*radial, *edges, a, b, by_sums, *to); });
    gather(*edges, *to, H, threads);
}
}

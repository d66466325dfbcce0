// Messages of a layer and their derivatives, tile by tile: every array of a tile's edges stays in the cache.
//
// Formulas: `official.py` and `paper.py` beside, which say what is folded; here the same numbers in another order.
#include "branch.hpp"

namespace {

// Hidden units (3 H), the two-layer network's output (G) and what the branch reads (B) in rows of `kept()` columns.
struct Network {
    float *hidden, *mixed, *read;
    int64_t stride;

    Network(const Layer& layer, float* rows) : hidden(rows), mixed(rows + 3 * H), stride(layer.kept()) {
        read = mixed + layer.gates();
    }
};

void activate(const Network& at, float* active, int64_t rows) {
    for (int64_t e = 0; e < rows; e++)
        for (int h = 0; h < 3 * H; h += LANES) store(active + e * 3 * H + h, silu(load(at.hidden + e * at.stride + h)));
}

void multiply_gates(const Layer& layer, const Network& at, const float* radial, float* gates, int64_t rows) {
    const int64_t G = layer.gates();
    for (int64_t e = 0; e < rows; e++)
        for (int64_t g = 0; g < G; g += LANES)
            store(gates + e * G + g, load(radial + e * G + g) * load(at.mixed + e * at.stride + g));
}

// From the edges' weights to gates; `active` and `radial` are scratch.
void run_network(const Layer& layer, const float* x, const Network& at, float* active, float* radial, float* gates,
                 int64_t rows) {
    multiply(x, layer.first.K, layer.first, at.hidden, at.stride, rows);
    activate(at, active, rows);
    multiply(active, 3 * H, layer.second, at.mixed, at.stride, rows);
    multiply(x + layer.first.K - layer.radial.K, layer.first.K, layer.radial, radial, layer.gates(), rows);
    multiply_gates(layer, at, radial, gates, rows);
    if (layer.branched) multiply(gates, layer.gates(), layer.branch, at.read, at.stride, rows);
}

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
void add_messages(const Layer& layer, const Edges& edges, int64_t first, int64_t chunks, const float* gates,
                  float* scalars, float* sums) {
    const int64_t G = layer.gates();
    constexpr int DIRECTED = VECTORS ? 2 * H : H;
    for (int64_t c = 0; c < chunks; c++) {
        float* into = sums + edges.receiver[first + c] * layer.sums() + layer.scalars_at();
        Sender from[CHUNK];
        for (int e = 0; e < CHUNK; e++) from[e] = sender<OFFICIAL>(layer, edges, (first + c) * CHUNK + e);
        for (int h = 0; h < H; h += LANES) {
            Vector scalar{}, x{}, y{}, z{};
            for (int e = 0; e < CHUNK; e++) {
                const int64_t row = c * CHUNK + e;
                const float *feature = from[e].feature + h, *gate = gates + row * G + h;
                const Vector m = from[e].factor * load(feature) * load(gate);
                if (BRANCHED) store(scalars + row * H + h, m);
                scalar += m;
                const Vector directed = from[e].factor * load(feature + DIRECTED) * load(gate + G - H);
                x += from[e].x * directed, y += from[e].y * directed, z += from[e].z * directed;
                if (VECTORS) {
                    const Vector carried = from[e].factor * load(feature + H) * load(gate + H);
                    x += load(feature + 3 * H) * carried;
                    y += load(feature + 4 * H) * carried;
                    z += load(feature + 5 * H) * carried;
                }
            }
            add_to(into + h, scalar);
            add_to(into + H + h, x);
            add_to(into + 2 * H + h, y);
            add_to(into + 3 * H + h, z);
        }
    }
}

template <bool OFFICIAL>
void scalar_messages(const Layer& layer, const Edges& edges, int64_t first, int64_t rows, const float* gates,
                     float* scalars) {
    for (int64_t row = 0; row < rows; row++) {
        const Sender from = sender<OFFICIAL>(layer, edges, first * CHUNK + row);
        for (int h = 0; h < H; h += LANES)
            store(scalars + row * H + h, from.factor * load(from.feature + h) * load(gates + row * layer.gates() + h));
    }
}

// Gradients by the products of the network (in place of by_gates, if branched) and by the radial factors (in place of
// those); those by frames are added, and so are those by the senders' features, or kept apart for each edge.
template <bool OFFICIAL, bool VECTORS, bool BRANCHED>
void messages_back(const Layer& layer, const Edges& edges, int64_t first, int64_t rows, const Network& at,
                   const float* by_sums, const float* by_scalars, float* by_gates, float* radial, const Gradients& to) {
    const int64_t G = layer.gates(), F = layer.features();
    constexpr int DIRECTED = VECTORS ? 2 * H : H;
    for (int64_t row = 0; row < rows; row++) {
        const int64_t edge = first * CHUNK + row;
        const Sender from = sender<OFFICIAL>(layer, edges, edge);
        const float* by = by_sums + edges.receiver[edge / CHUNK] * layer.sums() + layer.scalars_at();
        float* into = to.to_sender(edges, edge, F);
        float *g = by_gates + row * G, *r = radial + row * G;
        const float* mixed = at.mixed + row * at.stride;
        Vector by_x{}, by_y{}, by_z{}, by_factor{};
        auto finish = [&](int64_t at, Vector by_gate, Vector radial) {
            if (BRANCHED) by_gate += load(g + at);
            store(g + at, by_gate * radial);
            store(r + at, by_gate * load(mixed + at));
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
        float* frame = to.frame + edge * 4;
        frame[0] += total(by_x), frame[1] += total(by_y), frame[2] += total(by_z);
        if (!OFFICIAL) frame[3] += total(by_factor);
    }
}

template <bool OFFICIAL, bool VECTORS, bool BRANCHED>
void forward(const Layer& layer, const Edges& edges, int64_t begin, int64_t end, float* sums, float* kept) {
    const int64_t G = layer.gates();
    Scratch scratch(TILE * (3 * H + 2 * G + layer.kept()) + Branch::floats(layer));
    float *active = scratch.rows(3 * H), *radial = scratch.rows(G), *gates = scratch.rows(G);
    float* own = scratch.rows(layer.kept());
    Branch branch(layer, scratch);
    by_tiles(begin, end, [&](int64_t first, int64_t chunks) {
        const int64_t rows = chunks * CHUNK;
        const Network at(layer, kept ? kept + first * CHUNK * layer.kept() : own);
        run_network(layer, edges.weights + first * CHUNK * layer.first.K, at, active, radial, gates, rows);
        add_messages<OFFICIAL, VECTORS, BRANCHED>(layer, edges, first, chunks, gates, branch.scalar, sums);
        if (BRANCHED) {
            branch_gate(layer, branch, at.read, at.stride, rows);
            branch_sums<OFFICIAL>(layer, edges, branch, first, chunks, sums);
        }
    });
}

template <bool OFFICIAL, bool VECTORS, bool BRANCHED>
void backward(const Layer& layer, const Edges& edges, int64_t begin, int64_t end, const float* by_sums, float* kept,
              const Gradients& to) {
    const int64_t G = layer.gates(), W = edges.W, columns = layer.to_weights.columns, Q = layer.to_radial.columns;
    Scratch scratch(TILE * (3 * H + 2 * G + layer.kept() + columns + Q) + Branch::floats(layer));
    float *active = scratch.rows(3 * H), *radial = scratch.rows(G), *by_gates = scratch.rows(G);
    float *own = scratch.rows(layer.kept()), *by_weights = scratch.rows(columns), *by_radial = scratch.rows(Q);
    Branch branch(layer, scratch);
    by_tiles(begin, end, [&](int64_t first, int64_t chunks) {
        const int64_t rows = chunks * CHUNK;
        const float* x = edges.weights + first * CHUNK * W;
        const Network at(layer, kept ? kept + first * CHUNK * layer.kept() : own);
        if (kept) {
            multiply(x + W - layer.radial.K, W, layer.radial, radial, G, rows);
            if (BRANCHED) multiply_gates(layer, at, radial, by_gates, rows);
        } else {
            run_network(layer, x, at, active, radial, by_gates, rows);
        }
        if (BRANCHED) {
            scalar_messages<OFFICIAL>(layer, edges, first, rows, by_gates, branch.scalar);
            branch_back<OFFICIAL>(layer, edges, branch, first, chunks, by_sums, at.read, at.stride, by_gates, to.frame);
        }
        messages_back<OFFICIAL, VECTORS, BRANCHED>(layer, edges, first, rows, at, by_sums, branch.scalar, by_gates,
                                                   radial, to);
        multiply(by_gates, G, layer.to_hidden, active, 3 * H, rows);
        for (int64_t e = 0; e < rows; e++)
            for (int h = 0; h < 3 * H; h += LANES) {
                const Vector hidden = load(at.hidden + e * at.stride + h);
                float* by = active + e * 3 * H + h;
                store(by, load(by) * silu_slope(hidden, sigmoid(hidden)));
            }
        multiply(active, 3 * H, layer.to_weights, by_weights, columns, rows);
        multiply(radial, G, layer.to_radial, by_radial, Q, rows);
        for (int64_t e = 0; e < rows; e++) {
            float *into = to.weights + (first * CHUNK + e) * W, *from = by_weights + e * columns;
            add(from + W - layer.radial.K, by_radial + e * Q, layer.radial.K);
            if (to.overwrites)
                std::copy(from, from + W, into);
            else
                add(into, from, W);
        }
    });
}

// Calls `with.template operator()<OFFICIAL, VECTORS, BRANCHED>()` for the layer's kind.
template <bool... CHOSEN, class With>
void dispatch(const Layer& layer, const With& with) {
    constexpr int n = sizeof...(CHOSEN);
    if constexpr (n == 3) {
        with.template operator()<CHOSEN...>();
    } else {
        const bool next = n == 0 ? layer.official : n == 1 ? layer.vectors : layer.branched;
        if (next)
            dispatch<CHOSEN..., true>(layer, with);
        else
            dispatch<CHOSEN..., false>(layer, with);
    }
}

}  // namespace

extern "C" {

// Adds the layer's sums to `sums` (N, C); writes what the backward can use to `kept` (n, CHUNK, kept()), if given.
void layer_forward(const Layer* layer, const Edges* edges, float* sums, float* kept, int64_t threads) {
    in_parts(*edges, threads, [&](int64_t begin, int64_t end) {
        dispatch(*layer, [&]<bool OFFICIAL, bool VECTORS, bool BRANCHED>() {
            forward<OFFICIAL, VECTORS, BRANCHED>(*layer, *edges, begin, end, sums, kept);
        });
    });
}

// Adds gradients, given those by the sums (N, C); `kept` of the forward, or null: computed again.
void layer_backward(const Layer* layer, const Edges* edges, const float* by_sums, float* kept, const Gradients* to,
                    int64_t threads) {
    in_parts(*edges, threads, [&](int64_t begin, int64_t end) {
        dispatch(*layer, [&]<bool OFFICIAL, bool VECTORS, bool BRANCHED>() {
            backward<OFFICIAL, VECTORS, BRANCHED>(*layer, *edges, begin, end, by_sums, kept, *to);
        });
    });
    gather(*edges, *to, layer->features(), threads);
}
}

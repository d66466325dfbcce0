// A message layer and its derivatives, tile by tile: every array of a tile's edges stays in the cache.
//
// Formulas: `official.py` and `paper.py` in `fast`, which say what is folded; here the same numbers in another order.
#include "branch.hpp"
#include "messages.hpp"

namespace {

template <bool OFFICIAL, bool VECTORS, bool BRANCHED>
void forward(const Layer& layer, const Edges& edges, int64_t begin, int64_t end, float* sums, float* kept) {
    const int64_t G = layer.gates();
    Scratch scratch(TILE * (3 * H + 2 * G + layer.kept()) + Branch::floats(layer));
    float *active = scratch.rows(3 * H), *radial = scratch.rows(G), *gates = scratch.rows(G);
    float* own = scratch.rows(layer.kept());
    Branch branch(layer, scratch);
    by_tiles(begin, end, [&](int64_t first, int64_t chunks) {
        const int64_t rows = chunks * CHUNK;
        prefetch_next(edges.weights, edges.W, first, chunks, end);
        prefetch_next(kept, layer.kept(), first, chunks, end);
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
        prefetch_next(kept ? kept : edges.weights, kept ? layer.kept() : W, first, chunks, end);
        prefetch_next(to.weights, W, first, chunks, end);
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
                float* by = active + e * 3 * H + h;
                store(by, load(by) * load(at.slopes + e * at.stride + h));
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

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
    by_tiles(begin, end, [&](int64_t first, int64_t rows) {
        prefetch_next(edges.weights, edges.W, first, rows, end);
        prefetch_next(kept, layer.kept(), first, rows, end);
        const Network at(layer, kept ? kept + first * layer.kept() : own);
        run_network(layer, edges, first, at, active, radial, gates, rows);
        add_messages<OFFICIAL, VECTORS, BRANCHED>(layer, edges, first, rows, gates, branch.scalar, sums);
        if (BRANCHED) {
            branch_parts(layer, branch, at, rows);
            branch_sums<OFFICIAL>(layer, edges, branch, at, first, rows, sums);
        }
    });
}

// Factors of the gates and their slopes by the distance.
void radial_factors(const Layer& layer, const Edges& edges, int64_t first, float* radial, float* slopes, int64_t rows) {
    const int64_t G = layer.gates();
    for (int64_t e = 0; e < rows; e++) {
        const Place place = layer.radial.at(length(edges.vector + (first + e) * 3));
        for (int64_t g = 0; g < G; g += LANES) {
            store(radial + e * G + g, place.value(3 * H + g));
            store(slopes + e * G + g, place.slope(3 * H + g));
        }
    }
}

// Gradients by the hidden units, in place of those by their SiLUs, and by the vectors: `by_lengths` is what the gates'
// factors give to the lengths.
void activate_back(const Layer& layer, const Edges& edges, int64_t first, const Network& at, float* by,
                   const float* by_lengths, const Gradients& to, int64_t rows) {
    for (int64_t e = 0; e < rows; e++, by += 3 * H) {
        const int64_t edge = first + e;
        const Place place = layer.radial.at(length(edges.vector + edge * 3));
        Vector by_length{};
        for (int h = 0; h < 3 * H; h += LANES) {
            const Vector by_hidden = load(by + h) * load(at.slopes + e * at.stride + h);
            store(by + h, by_hidden);
            by_length += by_hidden * place.slope(h);
        }
        add_by_length(edges, to, edge, by_lengths[e] + total(by_length));
    }
}

template <bool OFFICIAL, bool VECTORS, bool BRANCHED>
void backward(const Layer& layer, const Edges& edges, int64_t begin, int64_t end, const float* by_sums, float* kept,
              const Gradients& to) {
    const int64_t G = layer.gates(), W = edges.W;
    Scratch scratch(TILE * (3 * H + 3 * G + layer.kept() + 1) + Branch::floats(layer));
    float *active = scratch.rows(3 * H), *radial = scratch.rows(G), *slopes = scratch.rows(G);
    float *by_gates = scratch.rows(G), *own = scratch.rows(layer.kept()), *by_lengths = scratch.rows(1);
    Branch branch(layer, scratch);
    by_tiles(begin, end, [&](int64_t first, int64_t rows) {
        prefetch_next(kept ? kept : edges.weights, kept ? layer.kept() : W, first, rows, end);
        prefetch_next(to.weights, W, first, rows, end);
        const Network at(layer, kept ? kept + first * layer.kept() : own);
        if (!kept) {
            run_network(layer, edges, first, at, active, radial, by_gates, rows);
            if (BRANCHED) {
                scalar_messages<OFFICIAL>(layer, edges, first, rows, by_gates, branch.scalar);
                branch_parts(layer, branch, at, rows);
            }
        }
        if (BRANCHED) branch_back<OFFICIAL>(layer, edges, branch, at, first, rows, by_sums, by_gates, to.frame);
        radial_factors(layer, edges, first, radial, slopes, rows);
        messages_back<OFFICIAL, VECTORS, BRANCHED>(layer, edges, first, rows, at, by_sums, branch.scalar, radial,
                                                   slopes, by_gates, by_lengths, to);
        multiply(by_gates, G, layer.to_hidden, active, 3 * H, rows);
        activate_back(layer, edges, first, at, active, by_lengths, to, rows);
        multiply(active, 3 * H, layer.to_weights, to.weights + first * W, W, rows, !to.overwrites);
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

// Adds the layer's sums to `sums` (N, C); writes what the backward can use to `kept` (n, kept()), if given.
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

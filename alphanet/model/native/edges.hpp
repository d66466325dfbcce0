// Edges sorted by receivers, the memory that a thread works in, and how threads share the work.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "product.hpp"

constexpr int H = CHANNELS;  // hidden channels, a multiple of LANES
static_assert(H % LANES == 0, "hidden channels must be a multiple of 4");
constexpr int TILE = H <= 64 ? 64 : 32;  // edges whose arrays are in the cache together

// What a stage is given of one block of n edges, receivers ascending; sums over edges are in their order.
// What senders and receivers gave has the columns that the stage says.
struct Edges {
    int64_t n, W;                      // columns of weights: scalars of both ends, 2 H
    const int64_t *sender, *receiver;  // (n,) each
    const float *filled, *vector;      // (n,) 1, or 0 where there is no edge, and (n, 3) in Å
    float *frame, *weights;            // (n, 4) unit vector and envelope, and (n, W)
    const float *senders, *receivers;  // (N, F) and (N, B)
};

// To be added to.
struct Gradients {
    float *vector, *frame, *weights, *senders, *receivers;  // as in `Edges`
    float* by_edge;      // (n, F) scratch where several threads would write to one sender, or null
    int64_t overwrites;  // whether `weights` holds nothing yet

    // Where the gradient by what the edge's sender gave goes; put there by `give`.
    float* to_sender(const Edges& edges, int64_t edge, int64_t F) const {
        return by_edge ? by_edge + edge * F : senders + edges.sender[edge] * F;
    }
    INLINE void give(float* into, Vector v) const { by_edge ? store(into, v) : add_to(into, v); }
    void give(float* into, float x) const { *into = by_edge ? x : *into + x; }
};

// Scratch memory of one thread, cut into rows of TILE edges; it stays for the next call.
class Scratch {
  public:
    float* rows(int64_t columns, int64_t number = TILE) {
        const int64_t begin = used_;
        used_ += (number * columns + 127) / 128 * 128;
        return memory().get() + begin;
    }

    // Room for `floats` in all; before the first `rows`.
    explicit Scratch(int64_t floats) {
        const int64_t bytes = (floats + 16 * 128) * 4 / 64 * 64;
        if (bytes > size()) {
            memory().reset(static_cast<float*>(std::aligned_alloc(64, bytes)));
            size() = bytes;
        }
    }

  private:
    struct Free {
        void operator()(float* p) const { std::free(p); }
    };
    static std::unique_ptr<float, Free>& memory() {
        thread_local std::unique_ptr<float, Free> memory;
        return memory;
    }
    static int64_t& size() {
        thread_local int64_t size = 0;
        return size;
    }
    int64_t used_ = 0;
};

// Edges [begin, end) of part `index` of `parts`, cut between receivers, so that no two parts sum over the same one.
inline void share(const Edges& edges, int index, int parts, int64_t& begin, int64_t& end) {
    auto cut = [&](int64_t i) {
        int64_t at = edges.n * i / parts;
        while (at > 0 && at < edges.n && edges.receiver[at] == edges.receiver[at - 1]) at++;
        return at;
    };
    begin = cut(index), end = cut(index + 1);
}

inline void copy_padded(float* to, const float* from, int64_t n, int64_t columns) {
    std::copy(from, from + n, to);
    std::fill(to + n, to + columns, 0.0f);
}

inline void add(float* to, const float* from, int64_t n) {
    for (int64_t i = 0; i < n; i++) to[i] += from[i];
}

// `run` on every part of the edges.
template <class Run>
void in_parts(const Edges& edges, int64_t threads, const Run& run) {
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t part = 0; part < threads; part++) {
        int64_t begin, end;
        share(edges, part, threads, begin, end);
        if (begin < end) run(begin, end);
    }
}

// Adds what was kept apart to the senders, in the order of edges: each thread takes some of the F columns.
inline void gather(const Edges& edges, const Gradients& to, int64_t F, int64_t threads) {
    if (!to.by_edge) return;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t part = 0; part < threads; part++) {
        const int64_t begin = F * part / threads, end = F * (part + 1) / threads;
        for (int64_t edge = 0; edge < edges.n; edge++)
            add(to.senders + edges.sender[edge] * F + begin, to.by_edge + edge * F + begin, end - begin);
    }
}

// Asks for the rows of the tile after this one, of arrays that lie beyond the cache: the processor's own prefetcher
// does not foresee eight rows read side by side.
INLINE void prefetch_next(const float* rows, int64_t columns, int64_t first, int64_t number, int64_t end) {
    if (!rows) return;
    const float* next = rows + (first + number) * columns;
    const int64_t floats = std::min<int64_t>(TILE, end - first - number) * columns;
    for (int64_t i = 0; i < floats; i += 16) __builtin_prefetch(next + i, 0, 2);
}

// `work(first, rows)` for each tile of the edges [begin, end).
template <class Work>
INLINE void by_tiles(int64_t begin, int64_t end, const Work& work) {
    for (int64_t first = begin; first < end; first += TILE) work(first, std::min<int64_t>(TILE, end - first));
}

// `work(receiver, row, end)` for the rows of each receiver of a tile that begins with edge `first`.
template <class Work>
INLINE void by_receivers(const Edges& edges, int64_t first, int64_t rows, const Work& work) {
    for (int64_t row = 0, next; row < rows; row = next) {
        const int64_t receiver = edges.receiver[first + row];
        for (next = row + 1; next < rows && edges.receiver[first + next] == receiver;) next++;
        work(receiver, row, next);
    }
}

// Products of two matrices that both change, for training: as in `product.hpp`, with the second one packed at each
// call.
#include "edges.hpp"

namespace {

// Panels of columns, as `packing.py` makes them of constants.
void pack(const Strided& b, int64_t K, int64_t N, float* panels) {
    for (int64_t n = 0; n < N; n += PANEL) {
        const int64_t width = std::min<int64_t>(PANEL, N - n);
        for (int64_t k = 0; k < K; k++, panels += width)
            for (int64_t i = 0; i < width; i++) panels[i] = b.values[k * b.row + (n + i) * b.column];
    }
}

}  // namespace

extern "C" {

// c (M, N) = a (M, K) b (K, N), with N a multiple of the lanes.
void product(const Strided* a, const Strided* b, float* c, int64_t M, int64_t K, int64_t N, int64_t threads) {
    Scratch scratch(K * N);
    float* panels = scratch.rows(N, K);
    pack(*b, K, N, panels);
    const Matrix packed{panels, nullptr, K, N};
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t part = 0; part < threads; part++) {
        const int64_t begin = M * part / threads / ROWS * ROWS;
        const int64_t end = part + 1 == threads ? M : M * (part + 1) / threads / ROWS * ROWS;
        if (begin < end) multiply(a->below(begin), packed, c + begin * N, N, end - begin);
    }
}
}

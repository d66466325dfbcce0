// Sums of edges' values times their directions over the edges that an atom receives, and the derivatives, for training:
// as products of matrices these were mostly products with zeros. H is a multiple of the lanes; `at` names the atom.
#include "simd.hpp"

extern "C" {

// out (N, 3, H), which begins as zeros, += directions (E, 3) times values (E, H).
void directed_sums(const float* directions, const float* values, const int64_t* at, float* out, int64_t E, int64_t H,
                   int64_t threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t h = 0; h < H; h += LANES)
        for (int64_t e = 0; e < E; e++) {
            const Vector value = load(values + e * H + h);
            float* to = out + 3 * H * at[e] + h;
            for (int64_t x = 0; x < 3; x++) add_to(to + x * H, directions[3 * e + x] * value);
        }
}

// out (E, 3) = the atoms' vectors (N, 3, H) times values (E, H), summed over the channels.
void directed_pairs(const float* vectors, const float* values, const int64_t* at, float* out, int64_t E, int64_t H,
                    int64_t threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t e = 0; e < E; e++) {
        const float* from = vectors + 3 * H * at[e];
        Vector sum[3] = {};
        for (int64_t h = 0; h < H; h += LANES) {
            const Vector value = load(values + e * H + h);
            for (int64_t x = 0; x < 3; x++) sum[x] += value * load(from + x * H + h);
        }
        for (int64_t x = 0; x < 3; x++) out[3 * e + x] = total(sum[x]);
    }
}

// out (E, H) = the atoms' vectors (N, 3, H) along directions (E, 3).
void directed_components(const float* vectors, const float* directions, const int64_t* at, float* out, int64_t E,
                         int64_t H, int64_t threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t e = 0; e < E; e++) {
        const float *from = vectors + 3 * H * at[e], *along = directions + 3 * e;
        for (int64_t h = 0; h < H; h += LANES)
            store(out + e * H + h,
                  along[0] * load(from + h) + along[1] * load(from + H + h) + along[2] * load(from + 2 * H + h));
    }
}
}

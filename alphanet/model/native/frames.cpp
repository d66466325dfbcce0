// Products of the edges' frames (3, 3) with vectors (3, H) and their derivatives, for training. A library has a call
// for many small products, and its time is that of as many calls.
#include "simd.hpp"

extern "C" {

// out (E, 3, H) = frames (E, 3, 3) vectors (E, 3, H), with H a multiple of the lanes. The element (a, x) of a frame
// lies at 3 a + x, of a transposed one at a + 3 x.
void frame_product(const float* frames, int64_t transposed, const float* vectors, float* out, int64_t E, int64_t H,
                   int64_t threads) {
    const int64_t row = transposed ? 1 : 3, column = transposed ? 3 : 1;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t e = 0; e < E; e++) {
        const float *f = frames + 9 * e, *v = vectors + 3 * H * e;
        float* to = out + 3 * H * e;
        for (int64_t h = 0; h < H; h += LANES) {
            const Vector x = load(v + h), y = load(v + H + h), z = load(v + 2 * H + h);
            for (int64_t a = 0; a < 3; a++) {
                const float* axis = f + a * row;
                store(to + a * H + h, axis[0] * x + axis[column] * y + axis[2 * column] * z);
            }
        }
    }
}

// out (E, 3, 3) = first (E, 3, H) times the transposed second (E, 3, H), with H a multiple of the lanes.
void frame_pairs(const float* first, const float* second, float* out, int64_t E, int64_t H, int64_t threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t e = 0; e < E; e++) {
        const float *a = first + 3 * H * e, *b = second + 3 * H * e;
        Vector sum[9] = {};
        for (int64_t h = 0; h < H; h += LANES)
            for (int64_t i = 0; i < 3; i++) {
                const Vector one = load(a + i * H + h);
                for (int64_t j = 0; j < 3; j++) sum[3 * i + j] += one * load(b + j * H + h);
            }
        for (int64_t i = 0; i < 9; i++) out[9 * e + i] = total(sum[i]);
    }
}
}

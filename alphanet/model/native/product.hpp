// Matrix products of a tile of edges with constant matrices, at the rate of the processor's fused multiply-adds.
//
// A library's product packs both operands at every call; here the constant one is packed once (`packing.py`), in panels
// of PANEL columns whose rows are contiguous, and the tile's is read where it lies. Eight rows times three vectors of
// columns stay in registers: 24 of AVX-512's 32.
#pragma once

#include "simd.hpp"

#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int ROWS = 8, VECTORS = 3;
#else
constexpr int ROWS = 4, VECTORS = 2;  // of 16 registers
#endif
constexpr int PANEL = VECTORS * LANES;

constexpr int64_t padded(int64_t columns) { return (columns + LANES - 1) / LANES * LANES; }

// A constant matrix of K rows and `columns` columns (a multiple of LANES) in panels, and what is added to each row.
struct Matrix {
    const float* panels;
    const float* bias;  // or nullptr
    int64_t K, columns;
};

// A matrix whose element (i, j) lies at values[i * row + j * column].
struct Strided {
    const float* values;
    int64_t row, column = 1;

    Strided below(int64_t rows) const { return {values ? values + rows * row : nullptr, row, column}; }
};

template <int R, int N>
INLINE void corner(const Strided& a, const float* panel, const Strided& from, int64_t K, float* c, int64_t ldc) {
    Vector sum[R][N];
#pragma GCC unroll 8
    for (int m = 0; m < R; m++)
#pragma GCC unroll 3
        for (int n = 0; n < N; n++) sum[m][n] = from.values ? load(from.values + m * from.row + n * LANES) : Vector{};
    for (int64_t k = 0; k < K; k++) {
        Vector b[N];
#pragma GCC unroll 3
        for (int n = 0; n < N; n++) b[n] = load(panel + (k * N + n) * LANES);
#pragma GCC unroll 8
        for (int m = 0; m < R; m++) {
            const Vector value = all(a.values[m * a.row + k * a.column]);
#pragma GCC unroll 3
            for (int n = 0; n < N; n++) sum[m][n] += value * b[n];
        }
    }
#pragma GCC unroll 8
    for (int m = 0; m < R; m++)
#pragma GCC unroll 3
        for (int n = 0; n < N; n++) store(c + m * ldc + n * LANES, sum[m][n]);
}

template <int N>
void strip(const Strided& a, const float* panel, const Strided& from, int64_t K, float* c, int64_t ldc, int64_t rows) {
    int64_t m = 0;
    for (; m + ROWS <= rows; m += ROWS) corner<ROWS, N>(a.below(m), panel, from.below(m), K, c + m * ldc, ldc);
    for (; m + 4 <= rows; m += 4) corner<4, N>(a.below(m), panel, from.below(m), K, c + m * ldc, ldc);
    for (; m < rows; m++) corner<1, N>(a.below(m), panel, from.below(m), K, c + m * ldc, ldc);
}

// c (rows, columns) = a (rows, K) times the matrix, plus its bias, or plus what c holds if it adds.
inline void multiply(const Strided& a, const Matrix& b, float* c, int64_t ldc, int64_t rows, bool adds = false) {
    for (int64_t n = 0; n < b.columns; n += PANEL) {
        const float* panel = b.panels + n * b.K;
        const Strided from = adds ? Strided{c + n, ldc} : Strided{b.bias ? b.bias + n : nullptr, 0};
        const int64_t left = b.columns - n;
        if (left >= PANEL) strip<VECTORS>(a, panel, from, b.K, c + n, ldc, rows);
#if defined(__AVX512F__) || defined(__aarch64__)
        else if (left == 2 * LANES)
            strip<2>(a, panel, from, b.K, c + n, ldc, rows);
#endif
        else
            strip<1>(a, panel, from, b.K, c + n, ldc, rows);
    }
}

inline void multiply(const float* a, int64_t stride, const Matrix& b, float* c, int64_t ldc, int64_t rows,
                     bool adds = false) {
    multiply(Strided{a, stride}, b, c, ldc, rows, adds);
}

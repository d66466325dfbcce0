// What is done on atoms between the walks over edges: constants, norms and the small networks that several steps have.
#pragma once

#include <cmath>

#include "edges.hpp"

constexpr int ATOMS = 16;                // of a tile, whose arrays are in the cache together
constexpr int64_t HALF = padded(H / 2);  // columns of a part of a complex number for each pair of channels
constexpr float NORM_EPSILON = 1e-5f;    // torch's of a LayerNorm
constexpr float SUM_EPSILON = 1.0f;      // of sums over neighbors, see `smooth.py`

// LayerNorm, Linear, SiLU, Linear: what neighbors send, of messages m1 and m3, or m1, m2 and m3. The norm's weights and
// the messages' factors are in the matrices.
struct Features {
    Matrix first, second;         // H to H, H to 2 H or 3 H
    Matrix to_normed, to_hidden;  // their transposes

    int64_t columns() const { return second.columns; }
};

// Rows of a tile cut from one piece of memory; each begins on a cache line.
class Cut {
  public:
    explicit Cut(float* from) : from_(from) {}
    float* rows(int64_t columns) {
        float* begin = from_;
        from_ += padded_rows(columns);
        return begin;
    }
    static int64_t padded_rows(int64_t columns) { return (ATOMS * columns + 15) / 16 * 16; }

  private:
    float* from_;
};

// `work(first, rows)` for each tile of n atoms; their results do not depend on the number of threads.
template <class Work>
void by_atoms(int64_t n, int64_t threads, const Work& work) {
    const int64_t tiles = (n + ATOMS - 1) / ATOMS;
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1 && tiles > 1)
    for (int64_t tile = 0; tile < tiles; tile++) work(tile * ATOMS, std::min<int64_t>(ATOMS, n - tile * ATOMS));
}

// Subtracts the mean of n numbers a and H numbers b together, and divides by their deviation; the inverse of that.
// Either may be missing. The results may be in place of the numbers.
inline float normalize(const float* a, float* to_a, int64_t n, const float* b, float* to_b, float epsilon) {
    const float count = (float)(n + (b ? H : 0));
    float sum = 0.0f, square = 0.0f;
    Vector of_b{}, square_of_b{};
    for (int64_t i = 0; i < n; i++) sum += a[i];
    for (int h = 0; b && h < H; h += LANES) of_b += load(b + h);
    const float mean = (sum + total(of_b)) / count;
    for (int64_t i = 0; i < n; i++) square += (a[i] - mean) * (a[i] - mean);
    for (int h = 0; b && h < H; h += LANES) {
        const Vector left = load(b + h) - mean;
        square_of_b += left * left;
    }
    const float inverse = 1.0f / std::sqrt((square + total(square_of_b)) / count + epsilon);
    for (int64_t i = 0; i < n; i++) to_a[i] = (a[i] - mean) * inverse;
    for (int h = 0; b && h < H; h += LANES) store(to_b + h, (load(b + h) - mean) * inverse);
    return inverse;
}

// Gradients by the numbers, in place of those by the results a and b of `normalize`, which gave `inverse`.
inline void normalize_back(const float* a, float* by_a, int64_t n, const float* b, float* by_b, float inverse) {
    const float count = (float)(n + (b ? H : 0));
    float sum = 0.0f, along = 0.0f;
    Vector of_b{}, along_b{};
    for (int64_t i = 0; i < n; i++) sum += by_a[i], along += by_a[i] * a[i];
    for (int h = 0; b && h < H; h += LANES) {
        const Vector by = load(by_b + h);
        of_b += by, along_b += by * load(b + h);
    }
    const float mean = (sum + total(of_b)) / count, slope = (along + total(along_b)) / count;
    for (int64_t i = 0; i < n; i++) by_a[i] = inverse * (by_a[i] - mean - slope * a[i]);
    for (int h = 0; b && h < H; h += LANES) store(by_b + h, inverse * (load(by_b + h) - mean - slope * load(b + h)));
}

inline void activate(const float* before, float* after, int64_t numbers) {
    for (int64_t i = 0; i < numbers; i += LANES) store(after + i, silu(load(before + i)));
}

// Gradient by what was activated, in place of that by the result.
inline void activate_back(const float* before, float* by, int64_t numbers) {
    for (int64_t i = 0; i < numbers; i += LANES) {
        const Vector x = load(before + i);
        store(by + i, load(by + i) * silu_slope(x, sigmoid(x)));
    }
}

// Of one tile.
struct FeaturesTile {
    const Features& features;
    float *normed, *inverse, *hidden, *active;

    FeaturesTile(const Features& features, Cut& cut)
        : features(features), normed(cut.rows(H)), inverse(cut.rows(1)), hidden(cut.rows(H)), active(cut.rows(H)) {}
    static int64_t floats() { return 3 * Cut::padded_rows(H) + Cut::padded_rows(1); }

    // From (rows, H) to the first columns of `into`, rows of `stride` numbers, if it is given.
    void run(const float* x, int64_t rows, float* into, int64_t stride) {
        for (int64_t i = 0; i < rows; i++)
            inverse[i] = normalize(nullptr, nullptr, 0, x + i * H, normed + i * H, NORM_EPSILON);
        multiply(normed, H, features.first, hidden, H, rows);
        if (!into) return;
        activate(hidden, active, rows * H);
        multiply(active, H, features.second, into, stride, rows);
    }

    // Gradient by x, (rows, H), from that by the columns in rows of `stride` numbers; after `run`.
    void back(const float* by, int64_t stride, int64_t rows, float* by_x) {
        multiply(by, stride, features.to_hidden, active, H, rows);
        activate_back(hidden, active, rows * H);
        multiply(active, H, features.to_normed, by_x, H, rows);
        for (int64_t i = 0; i < rows; i++)
            normalize_back(nullptr, nullptr, 0, normed + i * H, by_x + i * H, inverse[i]);
    }
};

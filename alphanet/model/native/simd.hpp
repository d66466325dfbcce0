// Vectors of floats as wide as the processor's registers, and the few functions of them that the model needs.
//
// GCC's and Clang's vector extensions: the same source serves AVX-512, AVX2, SSE and NEON.
#pragma once

#include <cstdint>
#include <cstring>

#define INLINE inline __attribute__((always_inline))

// CHANNELS, the model's hidden channels, are whole vectors: narrower ones where the widest do not divide them.
#if defined(__AVX512F__) && CHANNELS % 16 == 0
constexpr int LANES = 16;
#elif defined(__AVX__) && CHANNELS % 8 == 0
constexpr int LANES = 8;
#else
constexpr int LANES = 4;
#endif

typedef float Vector __attribute__((vector_size(4 * LANES)));
typedef int32_t Integers __attribute__((vector_size(4 * LANES)));

INLINE Vector load(const float* from) {
    Vector v;
    std::memcpy(&v, from, sizeof v);
    return v;
}

INLINE void store(float* to, Vector v) { std::memcpy(to, &v, sizeof v); }

INLINE void add_to(float* to, Vector v) { store(to, load(to) + v); }

// Not 0 + x, which is another number where x is -0, so that the compiler would have to add.
INLINE Vector all(float x) { return x - Vector{}; }

INLINE Vector absolute(Vector x) { return (Vector)((Integers)x & 0x7fffffff); }

INLINE Vector with_sign_of(Vector positive, Vector sign) {
    return (Vector)((Integers)positive | ((Integers)sign & (int32_t)0x80000000));
}

// The sum of N lanes, in a fixed order: halves are added until one is left.
template <int N, class Lanes>
INLINE float total_of(Lanes v) {
    if constexpr (N == 1) {
        return v[0];
    } else if constexpr (N == 2) {
        return v[0] + v[1];
    } else {
        typedef float Half __attribute__((vector_size(2 * N)));
        Half low, high;
        std::memcpy(&low, &v, sizeof low);
        std::memcpy(&high, reinterpret_cast<const char*>(&v) + sizeof low, sizeof high);
        return total_of<N / 2>(low + high);
    }
}

INLINE float total(Vector v) { return total_of<LANES>(v); }

// e^x, within 2e-7 of the value: 2^n e^r with r at most ln 2 / 2, by Cephes' polynomial.
INLINE Vector exponential(Vector x) {
    const Vector least = all(-87.3f), most = all(88.0f), shift = all(12582912.0f);  // 1.5 * 2^23 rounds to integers
    x = x < least ? least : x;
    x = x > most ? most : x;
    const Vector shifted = x * 1.44269504f + shift, n = shifted - shift;
    const Vector r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    Vector p = all(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    return (Vector)((Integers)p + ((Integers)shifted << 23));
}

// 2^x, within 2e-7 of the value, for x that was limited to [-126, 126]: cheaper than e^x.
INLINE Vector power_of_two(Vector x) {
    const Vector shift = all(12582912.0f), shifted = x + shift, r = x - (shifted - shift);
    Vector p = all(1.54614447e-4f);  // Chebyshev interpolation on [-1/2, 1/2]
    p = p * r + 1.34004282e-3f;
    p = p * r + 9.61805668e-3f;
    p = p * r + 5.55032723e-2f;
    p = p * r + 2.40226509e-1f;
    p = p * r + 6.93147207e-1f;
    p = p * r + 1.0f;
    return (Vector)((Integers)p + ((Integers)shifted << 23));
}

// sin x and cos x, within 1e-7 for |x| up to a few thousand, by Cephes' polynomials.
INLINE void sine_and_cosine(Vector x, Vector& sine, Vector& cosine) {
    const Vector shift = all(12582912.0f), shifted = x * 0.636619772f + shift, n = shifted - shift;
    const Integers quarter = (Integers)shifted;
    Vector r = x - n * 1.5703125f;  // pi / 2 in three parts
    r = r - n * 4.837512969970703125e-4f;
    r = r - n * 7.549789948768648e-8f;
    const Vector z = r * r;
    Vector s = all(-1.9515295891e-4f), c = all(2.443315711809948e-5f);
    s = s * z + 8.3321608736e-3f;
    s = s * z - 1.6666654611e-1f;
    s = s * z * r + r;
    c = c * z - 1.388731625493765e-3f;
    c = c * z + 4.166664568298827e-2f;
    c = c * z * z - 0.5f * z + 1.0f;
    const Integers odd = (quarter & 1) != 0;
    sine = (Vector)((Integers)(odd ? c : s) ^ ((quarter & 2) << 30));
    cosine = (Vector)((Integers)(odd ? s : c) ^ (((quarter + 1) & 2) << 30));
}

INLINE Vector square_root(Vector x) {
    float lane[LANES];
    store(lane, x);
    for (int i = 0; i < LANES; i++) lane[i] = __builtin_sqrtf(lane[i]);
    return load(lane);
}

INLINE Vector sigmoid(Vector x) { return 1.0f / (1.0f + exponential(-x)); }

INLINE Vector silu(Vector x) { return x * sigmoid(x); }

// Derivative of x sigmoid(x), given s = sigmoid(x).
INLINE Vector silu_slope(Vector x, Vector s) { return s * (1.0f + x * (1.0f - s)); }

// Angle of (x, y) in (-pi, pi], within 3e-7; 0 where both are 0.
INLINE Vector angle(Vector y, Vector x) {
    const Vector ax = absolute(x), ay = absolute(y);
    const Integers steep = ay > ax;
    const Vector larger = steep ? ay : ax, smaller = steep ? ax : ay;
    const Vector t = smaller / (larger == 0.0f ? all(1.0f) : larger), q = t * t;
    // Coefficients of SLEEF's atanf (u35).
    Vector p = all(0.00282363896258175373f);
    p = p * q - 0.0159569028764963150f;
    p = p * q + 0.0425049886107444763f;
    p = p * q - 0.0748900920152664184f;
    p = p * q + 0.106347933411598206f;
    p = p * q - 0.142027363181114197f;
    p = p * q + 0.199926957488059998f;
    p = p * q - 0.333331018686294556f;
    Vector a = t + t * q * p;
    a = steep ? 1.57079637f - a : a;
    a = (Integers)x < 0 ? 3.14159274f - a : a;
    return with_sign_of(a, y);
}

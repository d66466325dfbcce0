// Scalars of the surroundings of both ends of an edge in its frame, and their derivatives, in both readings.
#include "scalars.hpp"

#include <cmath>

namespace {

constexpr float LOG2E = 1.44269504f, LN2 = 0.693147181f;
constexpr float TINY = 1e-30f;  // instead of an envelope of 0, which has no derivative either

struct Three {
    float x, y, z;
};

Three cross(Three a, Three b) { return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x}; }

// Axes e1 (unit), e2 = a x b, e3 = e1 x e2. Official-v1: a and b from the receiver's center to both ends, not
// normalized; the paper: a = e1 and b the receiver's center.
struct Frame {
    Three e1, a, b, e2, e3;

    Frame(bool official, const float* unit, const float* sender, const float* receiver)
        : e1{unit[0], unit[1], unit[2]} {
        const float *r = receiver + 3 * H, *c = r + 3, *s = sender + 3 * H;
        a = official ? Three{r[0], r[1], r[2]} : e1;
        b = official ? Three{s[0] - c[0], s[1] - c[1], s[2] - c[2]} : Three{r[0], r[1], r[2]};
        e2 = cross(a, b);
        e3 = cross(e1, e2);
    }
};

INLINE Vector along(Three e, Vector x, Vector y, Vector z) { return e.x * x + e.y * y + e.z * z; }

// A scalar of each of LANES channels from its components p, q, r along the axes, and its derivatives by them.
struct Value {
    Vector value, p, q, r;
};

template <bool OFFICIAL>
INLINE Value evaluate(const Scalars& s, int h, Vector p, Vector q, Vector r) {
    if (OFFICIAL) {
        const float scale = 1.0f / std::sqrt((float)H);
        const Vector size = absolute(q), p2 = p * -LOG2E, size2 = size * -LOG2E, r2 = r * -LOG2E;
        Vector value = p + s.shift, by_p = all(1.0f), by_q{}, by_r{};
        for (int64_t u = 0; u < s.units; u++) {
            const float a = s.first[u], b = s.first[s.units + u], c = s.first[2 * s.units + u], w = s.last[u];
            Vector power = a * p2 + (b * size2 + (c * r2 + s.bias[u] * -LOG2E));  // -z log2 e
            power = power > 126.0f ? all(126.0f) : power;
            power = power < -126.0f ? all(-126.0f) : power;
            const Vector z = power * -LN2, sigma = 1.0f / (1.0f + power_of_two(power));
            const Vector slope = w * silu_slope(z, sigma);
            value += w * (z * sigma);
            by_p += a * slope, by_q += b * slope, by_r += c * slope;
        }
        // As torch's |x|, without a slope at 0.
        by_q = q == 0.0f ? Vector{} : q < 0.0f ? -by_q : by_q;
        return {value * scale, by_p * scale, by_q * scale, by_r * scale};
    }
    const Vector m0 = load(s.mixing + h), m1 = load(s.mixing + H + h), m2 = load(s.mixing + 2 * H + h);
    const Vector root = square_root(q * q + s.softness * s.softness);
    return {p * m0 + (root - s.softness) * m1 + r * m2, m0, m1 * q / root, m2};
}

// Of one edge: calls `found(end, h, value)` for both ends (0: the receiver) and all channels.
template <bool OFFICIAL, class Found>
INLINE void evaluate_edge(const Scalars& s, const Frame& f, const float* receiver, const float* sender,
                          const Found& found) {
    for (int end = 0; end < 2; end++) {
        const float* S = end ? sender : receiver;
        for (int h = 0; h < H; h += LANES) {
            const Vector x = load(S + h), y = load(S + H + h), z = load(S + 2 * H + h);
            found(end, h, evaluate<OFFICIAL>(s, h, along(f.e1, x, y, z), along(f.e2, x, y, z), along(f.e3, x, y, z)));
        }
    }
}

template <bool OFFICIAL>
void forward(const Scalars& s, const Edges& edges, int64_t begin, int64_t end, float* slopes) {
    for (int64_t edge = begin; edge < end; edge++) {
        const float* receiver = edges.receivers + edges.receiver[edge] * s.of_receiver();
        const float *sender = edges.senders + edges.sender[edge] * s.of_sender(), *frame = edges.frame + edge * 4;
        float *into = edges.weights + edge * edges.W, *kept = slopes ? slopes + edge * 6 * H : nullptr;
        evaluate_edge<OFFICIAL>(s, Frame(OFFICIAL, frame, sender, receiver), receiver, sender,
                                [&](int end, int h, const Value& v) {
                                    store(into + end * H + h, frame[3] * v.value);
                                    if (!kept) return;
                                    float* to = kept + end * 3 * H + h;
                                    store(to, v.p), store(to + H, v.q), store(to + 2 * H, v.r);
                                });
    }
}

template <bool OFFICIAL>
void backward(const Scalars& s, const Edges& edges, int64_t begin, int64_t end, const float* slopes,
              const Gradients& to) {
    float again[6 * H], values[2 * H];
    for (int64_t edge = begin; edge < end; edge++) {
        const int64_t r = edges.receiver[edge];
        const float* receiver = edges.receivers + r * s.of_receiver();
        const float *sender = edges.senders + edges.sender[edge] * s.of_sender(), *frame = edges.frame + edge * 4;
        const Frame f(OFFICIAL, frame, sender, receiver);
        if (!slopes)
            evaluate_edge<OFFICIAL>(s, f, receiver, sender, [&](int end, int h, const Value& v) {
                float* into = again + end * 3 * H + h;
                store(into, v.p), store(into + H, v.q), store(into + 2 * H, v.r);
                store(values + end * H + h, v.value);
            });
        const float* slope = slopes ? slopes + edge * 6 * H : again;
        // What is kept has values times the envelope, which in official-v1 is never negative.
        const float* value = slopes ? edges.weights + edge * edges.W : values;
        const float unscaled = slopes ? 1.0f / std::max(frame[3], TINY) : 1.0f;
        const float* by_value = to.weights + edge * edges.W;
        float *to_sender = to.to_sender(edges, edge, s.of_sender()), *to_receiver = to.receivers + r * s.of_receiver();
        Vector by_smooth{}, by_axes[3][3]{};
        for (int end = 0; end < 2; end++)
            for (int h = 0; h < H; h += LANES) {
                const float* S = (end ? sender : receiver) + h;
                const Vector by = load(by_value + end * H + h), scaled = frame[3] * by;
                by_smooth += by * load(value + end * H + h);
                Vector by_S[3]{};
                for (int axis = 0; axis < 3; axis++) {
                    const Vector by_component = scaled * load(slope + end * 3 * H + axis * H + h);
                    const Three e = axis == 0 ? f.e1 : axis == 1 ? f.e2 : f.e3;
                    for (int k = 0; k < 3; k++) by_axes[axis][k] += by_component * load(S + k * H);
                    by_S[0] += e.x * by_component, by_S[1] += e.y * by_component, by_S[2] += e.z * by_component;
                }
                for (int k = 0; k < 3; k++) {
                    if (end)
                        to.give(to_sender + k * H + h, by_S[k]);
                    else
                        add_to(to_receiver + k * H + h, by_S[k]);
                }
            }
        Three by[3];
        for (int axis = 0; axis < 3; axis++)
            by[axis] = {total(by_axes[axis][0]), total(by_axes[axis][1]), total(by_axes[axis][2])};
        auto add_three = [](Three& to, Three x) { to.x += x.x, to.y += x.y, to.z += x.z; };
        add_three(by[0], cross(f.e2, by[2]));
        add_three(by[1], cross(by[2], f.e1));
        const Three by_a = cross(f.b, by[1]), by_b = cross(by[1], f.a);
        float* to_place = to_receiver + 3 * H;
        if (OFFICIAL) {
            to_place[0] += by_a.x, to_place[1] += by_a.y, to_place[2] += by_a.z;
            to_place[3] -= by_b.x, to_place[4] -= by_b.y, to_place[5] -= by_b.z;
            to.give(to_sender + 3 * H, by_b.x);
            to.give(to_sender + 3 * H + 1, by_b.y);
            to.give(to_sender + 3 * H + 2, by_b.z);
        } else {
            add_three(by[0], by_a);
            to_place[0] += by_b.x, to_place[1] += by_b.y, to_place[2] += by_b.z;
        }
        float* by_frame = to.frame + edge * 4;
        by_frame[0] += by[0].x, by_frame[1] += by[0].y, by_frame[2] += by[0].z;
        by_frame[3] += total(by_smooth) * unscaled;
    }
}

}  // namespace

extern "C" {

// Writes the first 2 H columns of the weights, and derivatives (n, 6 H) to `slopes`, if given.
void scalars_forward(const Scalars* scalars, const Edges* edges, float* slopes, int64_t threads) {
    in_parts(*edges, threads, [&](int64_t begin, int64_t end) {
        (scalars->official ? forward<true> : forward<false>)(*scalars, *edges, begin, end, slopes);
    });
}

// Adds the gradients by frames and by what both ends gave; `slopes` of the forward, or null: computed again.
void scalars_backward(const Scalars* scalars, const Edges* edges, const float* slopes, const Gradients* to,
                      int64_t threads) {
    in_parts(*edges, threads, [&](int64_t begin, int64_t end) {
        (scalars->official ? backward<true> : backward<false>)(*scalars, *edges, begin, end, slopes, *to);
    });
    gather(*edges, *to, scalars->of_sender(), threads);
}
}

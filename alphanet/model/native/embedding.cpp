// Edges' frames, and what atoms sum of them first.
#include "radial.hpp"

namespace {

const float NONE[H + 4] = {};  // gradient by sums that nothing reads

void forward(const Radial& radial, const Edges& edges, int64_t begin, int64_t end, float* sums) {
    for (int64_t edge = begin; edge < end; edge++) {
        const float *v = edges.vector + edge * 3, d = length(v), filled = edges.filled[edge];
        float *frame = edges.frame + edge * 4, smooth, slope;
        envelope<float>(radial.envelope, d / radial.cutoff, radial.cutoff, smooth, slope);
        for (int k = 0; k < 3; k++) frame[k] = v[k] / (d + radial.epsilon);
        frame[3] = filled * smooth;
        if (!sums) continue;
        const Place place = radial.features.at(d);
        const float* sent = edges.senders + edges.sender[edge] * H;
        float* sum = sums + edges.receiver[edge] * (H + 4);
        for (int h = 0; h < H; h += LANES) add_to(sum + h, filled * place.value(h) * load(sent + h));
        for (int k = 0; k < 3; k++) sum[H + k] += frame[3] * v[k];
        sum[H + 3] += frame[3];
    }
}

void backward(const Radial& radial, const Edges& edges, int64_t begin, int64_t end, const float* by_sums,
              const Gradients& to) {
    for (int64_t edge = begin; edge < end; edge++) {
        const float *v = edges.vector + edge * 3, d = length(v), filled = edges.filled[edge];
        const float *sent = edges.senders + edges.sender[edge] * H, *by_frame = to.frame + edge * 4;
        const float *by = by_sums ? by_sums + edges.receiver[edge] * (H + 4) : NONE, *by_vector = by + H;
        const Place place = radial.features.at(d);
        Vector by_features{};
        for (int h = 0; h < H; h += LANES) by_features += load(by + h) * load(sent + h) * place.slope(h);
        float smooth, slope;
        envelope<float>(radial.envelope, d / radial.cutoff, radial.cutoff, smooth, slope);
        const float inverse = 1.0f / (d + radial.epsilon);
        float along = 0.0f, by_smooth = by_frame[3] + by_vector[3];
        for (int k = 0; k < 3; k++) along += by_frame[k] * v[k], by_smooth += by_vector[k] * v[k];
        for (int k = 0; k < 3; k++) to.vector[edge * 3 + k] += filled * smooth * by_vector[k] + by_frame[k] * inverse;
        add_by_length(edges, to, edge, filled * (total(by_features) + by_smooth * slope) - along * inverse * inverse);
    }
}

}  // namespace

extern "C" {

int64_t lanes() { return LANES; }
int64_t panel() { return PANEL; }
int64_t terms() { return TERMS; }

// Writes frames; adds the neighbors' sums (N, H + 4), if wanted.
void embedding_forward(const Radial* radial, const Edges* edges, float* sums, int64_t threads) {
    in_parts(*edges, threads, [&](int64_t a, int64_t b) { forward(*radial, *edges, a, b, sums); });
}

// Adds the gradient by the vectors; `by_sums` may be null: zero.
void embedding_backward(const Radial* radial, const Edges* edges, const float* by_sums, const Gradients* to,
                        int64_t threads) {
    in_parts(*edges, threads, [&](int64_t a, int64_t b) { backward(*radial, *edges, a, b, by_sums, *to); });
}
}

// The steps of an update on a tile of atoms, forward and backward; see `update.hpp`.
#include "update.hpp"

namespace {

const float ROOT_HALF = std::sqrt(0.5f), ROOT_H = 1.0f / std::sqrt((float)H);

// z / sqrt(|z|^2 + s^2) of padded parts of n numbers, and the root.
void unit(const float* z, float* into, float* root, int64_t n, float softness) {
    for (int64_t k = 0; k < n; k += LANES) {
        const Vector re = load(z + k), im = load(z + n + k);
        const Vector m = square_root(re * re + im * im + softness * softness);
        store(root + k, m);
        store(into + k, re / m);
        store(into + n + k, im / m);
    }
}

// Gradient by z, in place of that by its unit.
void unit_back(const float* unit, const float* root, float* by, int64_t n) {
    for (int64_t k = 0; k < n; k += LANES) {
        const Vector re = load(unit + k), im = load(unit + n + k), m = load(root + k);
        const Vector by_re = load(by + k), by_im = load(by + n + k), along = re * by_re + im * by_im;
        store(by + k, (by_re - re * along) / m);
        store(by + n + k, (by_im - im * along) / m);
    }
}

}  // namespace

// s, v and the rotation from the sums of messages.
void UpdateTile::receive(const State& from, int64_t rows) {
    for (int64_t i = 0; i < rows; i++) {
        const State at = from.at(u, i);
        const float *messages = u.scalars_of(at.sums), *vectors = messages + H, *sent = u.branch_of(at.sums);
        float *b = branch + i * BP, *x = scalar + i * H;
        copy_padded(b, sent, u.branch, BP);
        if (!u.official) {
            of_scalar[i] = normalize(nullptr, nullptr, 0, messages, x, SUM_EPSILON);
            if (u.branch) of_branch[i] = normalize(b, b, u.branch, nullptr, nullptr, SUM_EPSILON);
        } else if (u.norm == 1) {
            of_scalar[i] = normalize(b, b, u.branch, messages, x, NORM_EPSILON);
        } else if (u.norm == 2 && u.branch) {
            of_branch[i] = normalize(b, b, u.branch, nullptr, nullptr, NORM_EPSILON);
        }
        if (!u.norms_scalars()) std::copy(messages, messages + H, x);
        for (int h = 0; h < H; h += LANES) {
            Vector added = load(x + h);
            if (u.weight) added = added * load(u.weight + h) + load(u.bias + h);
            store(s + i * H + h, load(at.s + h) + added);
        }
        shrink[i] = 1.0f;
        if (!u.official) {
            Vector square{};
            for (int h = 0; h < 3 * H; h += LANES) square += load(vectors + h) * load(vectors + h);
            shrink[i] = 1.0f / std::sqrt(1.0f + total(square) / H);
        }
        for (int h = 0; h < 3 * H; h += LANES) {
            const Vector added = shrink[i] * load(vectors + h);
            store(v + i * 3 * H + h, u.first ? added : load(at.features + 3 * H + h) + added);
        }
    }
    if (!u.rotates) return;
    const int64_t columns = u.rotation.columns;
    multiply(branch, BP, u.rotation, number, columns, rows);
    for (int64_t i = 0; i < rows; i++) {
        float* into = turn + i * 2 * HALF;
        if (!u.angles) {
            unit(number + i * columns, into, modulus + i * HALF, HALF, u.softness);
            continue;
        }
        for (int64_t k = 0; k < HALF; k += LANES) {
            Vector sine, cosine;
            sine_and_cosine(load(number + i * columns + k), sine, cosine);
            store(into + k, cosine), store(into + HALF + k, sine);
        }
    }
}

// Gradients by the sums, from by_s, by_v and by_turn.
void UpdateTile::receive_back(const State& from, int64_t rows, float* by_sums) {
    if (u.rotates && !u.last) {
        const int64_t columns = u.rotation.columns;
        for (int64_t i = 0; i < rows; i++) {
            const float* of = turn + i * 2 * HALF;
            float *by = by_turn + i * 2 * HALF, *into = number + i * columns;
            if (!u.angles) {
                unit_back(of, modulus + i * HALF, by, HALF);
                std::copy(by, by + 2 * HALF, into);
            } else {
                for (int64_t k = 0; k < HALF; k += LANES)
                    store(into + k, load(of + k) * load(by + HALF + k) - load(of + HALF + k) * load(by + k));
            }
        }
        multiply(number, columns, u.to_branch, by_branch, BP, rows);
    } else {
        std::fill(by_branch, by_branch + rows * BP, 0.0f);
    }
    for (int64_t i = 0; i < rows; i++) {
        const State at = from.at(u, i);
        float *into = by_sums + i * u.sums(), *b = by_branch + i * BP;
        float *to_scalars = into + (u.official ? u.branch : 0), *to_vectors = to_scalars + H;
        for (int h = 0; h < H; h += LANES) {
            const Vector by = load(by_s + i * H + h);
            store(to_scalars + h, u.weight ? by * load(u.weight + h) : by);
        }
        const float *x = scalar + i * H, *sent = branch + i * BP;
        if (!u.official) {
            normalize_back(nullptr, nullptr, 0, x, to_scalars, of_scalar[i]);
            if (u.branch) normalize_back(sent, b, u.branch, nullptr, nullptr, of_branch[i]);
        } else if (u.norm == 1) {
            normalize_back(sent, b, u.branch, x, to_scalars, of_scalar[i]);
        } else if (u.norm == 2 && u.branch) {
            normalize_back(sent, b, u.branch, nullptr, nullptr, of_branch[i]);
        }
        std::copy(b, b + u.branch, u.official ? into : into + 4 * H);
        const float *vectors = u.scalars_of(at.sums) + H, *by = by_v + i * 3 * H;
        float along = 0.0f;
        if (!u.official) {
            Vector sum{};
            for (int h = 0; h < 3 * H; h += LANES) sum += load(vectors + h) * load(by + h);
            along = total(sum) / H * shrink[i] * shrink[i] * shrink[i];
        }
        for (int h = 0; h < 3 * H; h += LANES)
            store(to_vectors + h, shrink[i] * load(by + h) - along * load(vectors + h));
    }
}

// The memory of the atoms after the message.
void UpdateTile::remember(const State& from, int64_t rows) {
    const int64_t C = u.C, columns = u.mixed();
    multiply(s, H, u.memory, mixed, columns, rows);
    for (int64_t i = 0; i < rows; i++) {
        const float *q = from.at(u, i).memory, *real = mixed + i * columns, *imaginary = real + C * CP;
        float* into = memory + i * 2 * CP;
        for (int64_t k = 0; k < CP; k += LANES) {
            Vector re{}, im{};
            for (int64_t c = 0; c < C; c++) {
                const Vector a = load(real + c * CP + k), b = load(imaginary + c * CP + k);
                re += a * q[c] - b * q[CP + c];
                im += b * q[c] + a * q[CP + c];
            }
            store(into + k, re), store(into + CP + k, im);
        }
        unit(into, into, of_memory + i * CP, CP, u.softness);
        for (int64_t k = C; k < CP; k++) into[k] = into[CP + k] = 0.0f;  // of the padding, which may be 0 / 0
    }
}

// From the gradient by the memory to that by the memory before, in its place; adds to by_s.
void UpdateTile::remember_back(const State& from, int64_t rows, float* by_memory) {
    const int64_t C = u.C, columns = u.mixed();
    for (int64_t i = 0; i < rows; i++) {
        const float *q = from.at(u, i).memory, *real = mixed + i * columns, *imaginary = real + C * CP;
        float *by = by_memory + i * 2 * CP, *to_real = by_mixed + i * columns, *to_imaginary = to_real + C * CP;
        float* roots = of_memory + i * CP;
        for (int64_t k = C; k < CP; k++) roots[k] = 1.0f;
        unit_back(memory + i * 2 * CP, roots, by, CP);
        for (int64_t c = 0; c < C; c++) {
            Vector of_re{}, of_im{};
            for (int64_t k = 0; k < CP; k += LANES) {
                const Vector re = load(by + k), im = load(by + CP + k);
                const Vector a = load(real + c * CP + k), b = load(imaginary + c * CP + k);
                of_re += a * re + b * im;
                of_im += a * im - b * re;
                store(to_real + c * CP + k, re * q[c] + im * q[CP + c]);
                store(to_imaginary + c * CP + k, im * q[c] - re * q[CP + c]);
            }
            before[c] = total(of_re), before[CP + c] = total(of_im);
        }
        copy_padded(by, before, C, CP);
        copy_padded(by + CP, before + CP, C, CP);
    }
    multiply(by_mixed, columns, u.to_state, by_x, H, rows);
    add(by_s, by_x, rows * H);
}

// Frame transition of s and v.
void UpdateTile::transit(int64_t rows) {
    multiply(v, H, u.transition.mix, mixes, 2 * H, 3 * rows);
    for (int64_t i = 0; i < rows; i++)
        for (int h = 0; h < H; h += LANES) {
            Vector size{}, along{};
            for (int k = 0; k < 3; k++) {
                const float* both = mixes + (3 * i + k) * 2 * H + h;
                const Vector one = load(both);
                size += u.official ? absolute(one) : one * one;
                along += one * load(both + H);
            }
            if (!u.official) size = square_root(size + u.softness * u.softness) - u.softness;
            store(product + i * H + h, along * ROOT_H);
            store(input + i * 2 * H + h, load(s + i * H + h));
            store(input + i * 2 * H + H + h, size);
        }
    multiply(input, 2 * H, u.transition.first, hidden, H, rows);
    activate(hidden, active, rows * H);
    multiply(active, H, u.transition.second, factors, 3 * H, rows);
    for (int64_t i = 0; i < rows; i++)
        for (int h = 0; h < H; h += LANES) {
            const float* f = factors + i * 3 * H + h;
            const Vector p = load(product + i * H + h), gate = load(f + H);
            add_to(s + i * H + h, (load(f) + (u.gated ? gate * p : gate) + p) * ROOT_HALF);
            for (int k = 0; k < 3; k++)
                add_to(v + (3 * i + k) * H + h, load(f + 2 * H) * load(mixes + (3 * i + k) * 2 * H + H + h));
        }
}

// by_s and by_v before the transition, in place of those behind it.
void UpdateTile::transit_back(int64_t rows) {
    for (int64_t i = 0; i < rows; i++)
        for (int h = 0; h < H; h += LANES) {
            const float* f = factors + i * 3 * H + h;
            float* by_f = by_x + i * 3 * H + h;
            const Vector by = load(by_s + i * H + h) * ROOT_HALF, p = load(product + i * H + h);
            Vector by_scale{};
            for (int k = 0; k < 3; k++)
                by_scale += load(by_v + (3 * i + k) * H + h) * load(mixes + (3 * i + k) * 2 * H + H + h);
            store(by_f, by), store(by_f + H, u.gated ? by * p : by), store(by_f + 2 * H, by_scale);
            store(product + i * H + h, (u.gated ? by * (load(f + H) + 1.0f) : by) * ROOT_H);  // by v1 . v2
        }
    multiply(by_x, 3 * H, u.transition.to_hidden, active, H, rows);
    activate_back(hidden, active, rows * H);
    multiply(active, H, u.transition.to_input, by_input, 2 * H, rows);
    for (int64_t i = 0; i < rows; i++)
        for (int h = 0; h < H; h += LANES) {
            add_to(by_s + i * H + h, load(by_input + i * 2 * H + h));
            const Vector by_p = load(product + i * H + h), scale = load(factors + i * 3 * H + 2 * H + h);
            const Vector size = load(input + i * 2 * H + H + h) + u.softness;
            const Vector by_size = load(by_input + i * 2 * H + H + h), by_square = by_size / size;
            for (int k = 0; k < 3; k++) {
                const float* both = mixes + (3 * i + k) * 2 * H + h;
                const Vector one = load(both), other = load(both + H);
                const Vector of_size = !u.official   ? by_square * one
                                       : one == 0.0f ? Vector{}  // as torch's |x|
                                       : one < 0.0f  ? -by_size
                                                     : by_size;
                float* into = by_mixes + (3 * i + k) * 2 * H + h;
                store(into, by_p * other + of_size);
                store(into + H, by_p * one + scale * load(by_v + (3 * i + k) * H + h));
            }
        }
    multiply(by_mixes, 2 * H, u.transition.to_vectors, by_x, H, 3 * rows);
    add(by_v, by_x, rows * 3 * H);
}

// s turned by the rotation, for the next layer's features.
void UpdateTile::rotate(int64_t rows) {
    for (int64_t i = 0; i < rows; i++) {
        const float *x = s + i * H, *re = turn + i * 2 * HALF, *im = re + HALF;
        float* to = rotated + i * H;
        if (!u.rotates) {
            std::copy(x, x + H, to);
            continue;
        }
        for (int h = 0; h < H / 2; h++) {
            to[h] = x[h] * re[h] - x[H / 2 + h] * im[h];
            to[H / 2 + h] = x[h] * im[h] + x[H / 2 + h] * re[h];
        }
    }
}

// Adds to by_s, and writes by_turn, from the gradients by the next layer's features.
void UpdateTile::rotate_back(const float* by_features, int64_t rows) {
    next.back(by_features, 6 * H, rows, by_x);
    if (!u.rotates) return add(by_s, by_x, rows * H);
    std::fill(by_turn, by_turn + rows * 2 * HALF, 0.0f);
    for (int64_t i = 0; i < rows; i++) {
        const float *x = s + i * H, *re = turn + i * 2 * HALF, *im = re + HALF, *by = by_x + i * H;
        float *to = by_s + i * H, *by_re = by_turn + i * 2 * HALF, *by_im = by_re + HALF;
        for (int h = 0; h < H / 2; h++) {
            const float one = by[h], other = by[H / 2 + h];
            to[h] += one * re[h] + other * im[h];
            to[H / 2 + h] += other * re[h] - one * im[h];
            by_re[h] = one * x[h] + other * x[H / 2 + h];
            by_im[h] = other * x[h] - one * x[H / 2 + h];
        }
    }
}

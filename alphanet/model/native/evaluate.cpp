// A whole evaluation in one call: energies, forces and stresses from positions, cells and pairs.
//
// The steps of `fast/network.py`, with every array of edges in memory; parts on atoms are computed again in the
// backward.
#include "repulsion.hpp"
#include "stages.hpp"
#include "update.hpp"

namespace {

// Constants, see `evaluation.py`; tables have a row for each element.
struct Model {
    const Radial* radial;
    const Scalars* scalars;
    const Layer* const* layers;  // and behind each its update
    const Update* updates;
    Features features;                           // of the first layer, 2 H
    Matrix source, to_state;                     // H to H, and its transpose
    const float *embedding, *neighbor, *memory;  // (rows, H), (rows, H), (rows, 2 CP)
    const float *scale, *shift;                  // (rows,) of the output
    const double* energies;                      // (elements,) eV
    const int64_t *rows, *elements;              // by atomic number
    double energy_scale;                         // eV
    Repulsion repulsion;
    int64_t n_layers, block;  // block: edges that are walked over together
    float cutoff;

    int64_t memories() const { return updates[0].remembers ? 2 * updates[0].CP() : 0; }
    int64_t kept_scalars() const { return scalars->official ? 6 * H : 0; }
    int64_t widest() const {
        int64_t widest = H + 4;
        for (int64_t l = 0; l < n_layers; l++) widest = std::max(widest, layers[l]->sums());
        return widest;
    }
};

struct Asked {
    int64_t differentiates, keeps, threads;
};

class Evaluation {
  public:
    Evaluation(const Model& model, const Graph& graph, const Asked& asked, Room room)
        : m_(model), g_(graph), asked_(asked), edges_(graph, room) {
        const int64_t n = graph.n, E = graph.E, L = model.n_layers;
        frame_ = room.take(E * 4), weights_ = room.take(E * 2 * H);
        neighbor_ = room.take(n * H), embedded_ = room.take(n * (H + 4));
        state_ = room.take(n * H), source_ = room.take(n * H), surroundings_ = room.take(n * 3 * H);
        senders_ = m_.scalars->official ? room.take(n * m_.scalars->of_sender()) : surroundings_;
        receivers_ = room.take(n * m_.scalars->of_receiver()), features_ = room.take(n * 2 * H);
        memory_ = room.take(n * m_.memories());
        sums_ = room.take<float*>(L), states_ = room.take<State>(L);
        const bool all = asked.differentiates;
        for (int64_t l = 0; l < L; l++) {
            float* sums = room.take(n * m_.layers[l]->sums());
            float* s = l ? room.take(n * H) : state_;
            float* features = l ? room.take(n * 6 * H) : features_;
            float* memory = l ? room.take(n * m_.memories()) : memory_;
            if (sums_) sums_[l] = sums, states_[l] = {sums, s, features, memory};
        }
        output_ = room.take(n);
        kept_ = room.take<float*>(L + 1);
        for (int64_t l = 0; l < L + 1; l++) {
            float* kept = nullptr;
            if (all && asked.keeps) kept = room.take(E * (l < L ? m_.layers[l]->kept() : m_.kept_scalars()));
            if (kept_) kept_[l] = l < L || m_.kept_scalars() ? kept : nullptr;
        }
        if (!all) {
            used_ = room.used();
            return;
        }
        by_vector_ = room.take(E * 3), by_frame_ = room.take(E * 4), by_weights_ = room.take(E * 2 * H);
        by_sums_ = room.take(n * m_.widest()), by_state_ = room.take(n * H), by_features_ = room.take(n * 6 * H);
        by_first_ = room.take(n * 2 * H), by_memory_ = room.take(n * m_.memories());
        by_senders_ = room.take(n * m_.scalars->of_sender()), by_receivers_ = room.take(n * m_.scalars->of_receiver());
        by_source_ = room.take(n * H), direct_ = room.take(m_.scalars->official ? n * 3 : 0);
        by_position_ = room.take<double>(n * 3), by_strain_ = room.take<double>(graph.structures * 9);
        const int64_t widest = std::max<int64_t>(6 * H, m_.scalars->of_sender());
        by_edge_ = asked.threads > 1 ? room.take(std::min(m_.block, E) * widest) : nullptr;
        used_ = room.used();
    }

    int64_t used() const { return used_; }

    void run(const Answer& answer) {
        edges_.fill(g_);
        forward();
        finish(answer);
        if (asked_.differentiates) {
            backward();
            repel(m_.repulsion, g_, edges_, m_.cutoff, answer.energies, by_vector_);
            const float* direct = m_.scalars->official ? direct_ : nullptr;
            differentiate(g_, edges_, by_vector_, direct, by_position_, by_strain_, answer);
        } else {
            repel(m_.repulsion, g_, edges_, m_.cutoff, answer.energies, nullptr);
        }
        std::fill(answer.energy, answer.energy + g_.structures, 0.0);
        for (int64_t i = 0; i < g_.n; i++) answer.energy[g_.batch[i]] += answer.energies[i];
    }

  private:
    // `walk(edges, gradients, first edge)` for each block.
    template <class Walk>
    void blocks(const float* senders, const float* receivers, float* by_senders, float* by_receivers, bool overwrites,
                const Walk& walk) {
        const int64_t number = std::max<int64_t>(1, (g_.E + m_.block / 2) / m_.block), W = 2 * H;
        for (int64_t b = 0; b < number; b++) {
            const int64_t first = g_.E * b / number, end = g_.E * (b + 1) / number;
            const Edges edges{end - first,
                              W,
                              g_.sender + first,
                              g_.receiver + first,
                              edges_.filled + first,
                              edges_.vector + first * 3,
                              frame_ + first * 4,
                              weights_ + first * W,
                              senders,
                              receivers};
            Gradients to{};
            if (asked_.differentiates)
                to = {by_vector_ + first * 3,
                      by_frame_ + first * 4,
                      by_weights_ + first * W,
                      by_senders,
                      by_receivers,
                      by_edge_,
                      overwrites};
            walk(edges, to, first);
        }
    }
    template <class Walk>
    void blocks(const float* senders, const float* receivers, const Walk& walk) {
        blocks(senders, receivers, nullptr, nullptr, false, walk);
    }

    int64_t row(int64_t atom) const { return m_.rows[g_.numbers[atom]]; }
    float* kept(int64_t layer, int64_t first, int64_t columns) const {
        return kept_[layer] ? kept_[layer] + first * columns : nullptr;
    }
    void zero(float* numbers, int64_t columns) const { std::fill(numbers, numbers + g_.n * columns, 0.0f); }

    void forward() {
        const int64_t threads = asked_.threads, n = g_.n, L = m_.n_layers;
        for (int64_t i = 0; i < n; i++) {
            std::copy_n(m_.neighbor + row(i) * H, H, neighbor_ + i * H);
            std::copy_n(m_.memory + row(i) * m_.memories(), m_.memories(), memory_ + i * m_.memories());
        }
        zero(embedded_, H + 4);
        blocks(neighbor_, nullptr, [&](const Edges& edges, const Gradients&, int64_t) {
            embedding_forward(m_.radial, &edges, embedded_, threads);
        });
        send();
        zero(surroundings_, 3 * H);
        blocks(source_, nullptr, [&](const Edges& edges, const Gradients&, int64_t) {
            surroundings_forward(m_.radial, &edges, surroundings_, threads);
        });
        ends();
        blocks(senders_, receivers_, [&](const Edges& edges, const Gradients&, int64_t first) {
            scalars_forward(m_.scalars, &edges, kept(L, first, m_.kept_scalars()), threads);
        });
        by_atoms(n, threads, [&](int64_t i, int64_t rows) {
            Scratch scratch(FeaturesTile::floats());
            Cut cut(scratch.rows(FeaturesTile::floats(), 1));
            FeaturesTile(m_.features, cut).run(state_ + i * H, rows, features_ + i * 2 * H, 2 * H);
        });
        for (int64_t l = 0; l < L; l++) {
            const Layer& layer = *m_.layers[l];
            zero(sums_[l], layer.sums());
            blocks(states_[l].features, nullptr, [&](const Edges& edges, const Gradients&, int64_t first) {
                layer_forward(&layer, &edges, sums_[l], kept(l, first, layer.kept()), threads);
            });
            update(l);
        }
    }

    // s, and what neighbors send to the surroundings.
    void send() {
        by_atoms(g_.n, asked_.threads, [&](int64_t first, int64_t rows) {
            Scratch scratch(ATOMS * H);
            float* normed = scratch.rows(H, ATOMS);
            for (int64_t i = first; i < first + rows; i++)
                for (int h = 0; h < H; h += LANES)
                    store(state_ + i * H + h, load(m_.embedding + row(i) * H + h) + load(embedded_ + i * (H + 4) + h));
            multiply(state_ + first * H, H, m_.source, normed, H, rows);
            for (int64_t i = 0; i < rows; i++)
                normalize(nullptr, nullptr, 0, normed + i * H, normed + i * H, NORM_EPSILON);
            activate(normed, source_ + first * H, rows * H);
        });
    }

    // Gradient by the sums of the embedding, from those by s, by what neighbors send and by the center.
    void send_back() {
        const bool centered = !m_.scalars->official;
        by_atoms(g_.n, asked_.threads, [&](int64_t first, int64_t rows) {
            Scratch scratch(3 * ATOMS * H);
            float *normed = scratch.rows(H, ATOMS), *by = scratch.rows(H, ATOMS), *by_s = scratch.rows(H, ATOMS);
            multiply(state_ + first * H, H, m_.source, normed, H, rows);
            std::copy_n(by_source_ + first * H, rows * H, by);
            for (int64_t i = 0; i < rows; i++) {
                float* x = normed + i * H;
                const float inverse = normalize(nullptr, nullptr, 0, x, x, NORM_EPSILON);
                activate_back(x, by + i * H, H);
                normalize_back(nullptr, nullptr, 0, x, by + i * H, inverse);
            }
            multiply(by, H, m_.to_state, by_s, H, rows);
            for (int64_t i = first; i < first + rows; i++) {
                float *into = by_sums_ + i * (H + 4), *tail = into + H;
                for (int h = 0; h < H; h += LANES)
                    store(into + h, load(by_state_ + i * H + h) + load(by_s + (i - first) * H + h));
                std::fill(tail, tail + 4, 0.0f);
                if (!centered) continue;
                const float *by_center = by_receivers_ + i * (3 * H + 3) + 3 * H, *sums = embedded_ + i * (H + 4) + H;
                const float inverse = 1.0f / (1.0f + sums[3]);
                for (int k = 0; k < 3; k++) {
                    tail[k] = by_center[k] * inverse;
                    tail[3] -= by_center[k] * sums[k] * inverse * inverse;
                }
            }
        });
    }

    // What atoms give to the scalars, beside their surroundings: the paper's centers; positions and means in
    // official-v1.
    void ends() {
        const int64_t S = m_.scalars->of_sender(), R = m_.scalars->of_receiver();
        if (m_.scalars->official) means();
        for (int64_t i = 0; i < g_.n; i++) {
            const float *x = g_.positions + i * 3, *sums = embedded_ + i * (H + 4) + H;
            float *sent = senders_ + i * S, *known = receivers_ + i * R;
            std::copy_n(surroundings_ + i * 3 * H, 3 * H, known);
            if (m_.scalars->official) std::copy_n(surroundings_ + i * 3 * H, 3 * H, sent);
            for (int k = 0; k < 3; k++) {
                if (m_.scalars->official) {
                    sent[3 * H + k] = x[k];
                    known[3 * H + k] = x[k] - known[3 * H + 3 + k];
                } else {
                    known[3 * H + k] = sums[k] / (1.0f + sums[3]);
                }
            }
        }
    }

    // Means of the neighbors' stored positions, where `ends` leaves them.
    void means() {
        const int64_t R = m_.scalars->of_receiver();
        for (int64_t i = 0; i < g_.n; i++) std::fill_n(receivers_ + i * R + 3 * H + 3, 3, 0.0f);
        for (int64_t edge = 0; edge < g_.E; edge++)
            for (int k = 0; k < 3; k++)
                receivers_[g_.receiver[edge] * R + 3 * H + 3 + k] += g_.positions[g_.sender[edge] * 3 + k];
        for (int64_t i = 0; i < g_.n; i++)
            for (int k = 0; k < 3; k++)
                receivers_[i * R + 3 * H + 3 + k] /= (float)std::max<int64_t>(1, edges_.count[i]);
    }

    // Gradients by surroundings, in by_senders_ as rows of 3 H, and by stored positions.
    void ends_back() {
        const int64_t S = m_.scalars->of_sender(), R = m_.scalars->of_receiver();
        if (m_.scalars->official) {
            for (int64_t i = 0; i < g_.n; i++)
                for (int k = 0; k < 3; k++) {
                    const float* by = by_receivers_ + i * R + 3 * H + k;
                    direct_[i * 3 + k] = by_senders_[i * S + 3 * H + k] + by[0];
                }
            for (int64_t edge = 0; edge < g_.E; edge++) {
                const int64_t to = g_.receiver[edge];
                const float *by = by_receivers_ + to * R + 3 * H, count = (float)edges_.count[to];
                for (int k = 0; k < 3; k++) direct_[g_.sender[edge] * 3 + k] += (by[3 + k] - by[k]) / count;
            }
        }
        for (int64_t i = 0; i < g_.n; i++)  // rows move towards the beginning
            for (int h = 0; h < 3 * H; h += LANES)
                store(by_senders_ + i * 3 * H + h, load(by_senders_ + i * S + h) + load(by_receivers_ + i * R + h));
    }

    void update(int64_t l) {
        const Update& u = m_.updates[l];
        by_atoms(g_.n, asked_.threads, [&](int64_t first, int64_t rows) {
            Scratch scratch(UpdateTile::floats(u));
            UpdateTile tile(u, scratch.rows(UpdateTile::floats(u), 1));
            tile.run(states_[l].at(u, first), rows);
            if (u.last) {
                for (int64_t i = 0; i < rows; i++) {
                    const int64_t r = row(first + i);
                    output_[first + i] = m_.scale[r] * tile.output(i) + m_.shift[r];
                }
                return;
            }
            const State& to = states_[l + 1];
            float* features = const_cast<float*>(to.features) + first * 6 * H;
            std::copy_n(tile.s, rows * H, const_cast<float*>(to.s) + first * H);
            if (u.remembers)
                std::copy_n(tile.memory, rows * m_.memories(), const_cast<float*>(to.memory) + first * m_.memories());
            tile.next.run(tile.rotated, rows, features, 6 * H);
            for (int64_t i = 0; i < rows; i++) std::copy_n(tile.v + i * 3 * H, 3 * H, features + i * 6 * H + 3 * H);
        });
    }

    // From gradients by the next features, s and memory to those by the sums, and by s, memory and v before, the last
    // beside zeros in `by_features_`, to which the layer adds.
    void update_back(int64_t l) {
        const Update& u = m_.updates[l];
        by_atoms(g_.n, asked_.threads, [&](int64_t first, int64_t rows) {
            Scratch scratch(UpdateTile::floats(u));
            UpdateTile tile(u, scratch.rows(UpdateTile::floats(u), 1));
            const State from = states_[l].at(u, first);
            float *by_s = by_state_ + first * H, *by_features = by_features_ + first * 6 * H;
            float* by_memory = by_memory_ + first * m_.memories();
            tile.run(from, rows);
            if (u.last) {
                for (int64_t i = 0; i < rows; i++) {
                    const float by = (float)m_.energy_scale * m_.scale[row(first + i)];
                    for (int h = 0; h < H; h += LANES) store(tile.by_s + i * H + h, by * load(u.readout + h));
                    for (int64_t k = 0; k < m_.memories(); k++) by_memory[i * m_.memories() + k] = by * u.of_memory[k];
                }
                std::fill_n(tile.by_v, rows * 3 * H, 0.0f);
            } else {
                tile.next.run(tile.rotated, rows, nullptr, 0);
                std::copy_n(by_s, rows * H, tile.by_s);
                for (int64_t i = 0; i < rows; i++)
                    std::copy_n(by_features + i * 6 * H + 3 * H, 3 * H, tile.by_v + i * 3 * H);
                tile.rotate_back(by_features, rows);
            }
            if (u.transits) tile.transit_back(rows);
            if (u.remembers) tile.remember_back(from, rows, by_memory);
            tile.receive_back(from, rows, by_sums_ + first * u.sums());
            std::copy_n(tile.by_s, rows * H, by_s);
            for (int64_t i = 0; i < rows; i++) {
                std::fill_n(by_features + i * 6 * H, 3 * H, 0.0f);
                std::copy_n(tile.by_v + i * 3 * H, 3 * H, by_features + i * 6 * H + 3 * H);
            }
        });
    }

    void backward() {
        const int64_t threads = asked_.threads, n = g_.n, L = m_.n_layers;
        std::fill_n(by_vector_, g_.E * 3, 0.0f);
        std::fill_n(by_frame_, g_.E * 4, 0.0f);
        for (int64_t l = L - 1; l >= 0; l--) {
            const Layer& layer = *m_.layers[l];
            update_back(l);
            if (l == 0) zero(by_first_, 2 * H);
            blocks(states_[l].features, nullptr, l ? by_features_ : by_first_, nullptr, l == L - 1,
                   [&](const Edges& edges, const Gradients& to, int64_t first) {
                       layer_backward(&layer, &edges, by_sums_, kept(l, first, layer.kept()), &to, threads);
                   });
        }
        by_atoms(n, threads, [&](int64_t first, int64_t rows) {
            Scratch scratch(FeaturesTile::floats() + ATOMS * H);
            Cut cut(scratch.rows(FeaturesTile::floats() + ATOMS * H, 1));
            FeaturesTile tile(m_.features, cut);
            float* by_x = cut.rows(H);
            tile.run(state_ + first * H, rows, nullptr, 0);
            tile.back(by_first_ + first * 2 * H, 2 * H, rows, by_x);
            add(by_state_ + first * H, by_x, rows * H);
        });
        zero(by_senders_, m_.scalars->of_sender());
        zero(by_receivers_, m_.scalars->of_receiver());
        blocks(senders_, receivers_, by_senders_, by_receivers_, false,
               [&](const Edges& edges, const Gradients& to, int64_t first) {
                   scalars_backward(m_.scalars, &edges, kept(L, first, m_.kept_scalars()), &to, threads);
               });
        ends_back();
        zero(by_source_, H);
        blocks(source_, nullptr, by_source_, nullptr, false, [&](const Edges& edges, const Gradients& to, int64_t) {
            surroundings_backward(m_.radial, &edges, by_senders_, &to, threads);
        });
        send_back();
        blocks(neighbor_, nullptr, nullptr, nullptr, false, [&](const Edges& edges, const Gradients& to, int64_t) {
            embedding_backward(m_.radial, &edges, by_sums_, &to, threads);
        });
    }

    // Energies of atoms, as `ReferenceEnergies` gives them.
    void finish(const Answer& answer) const {
        for (int64_t i = 0; i < g_.n; i++)
            answer.energies[i] = output_[i] * m_.energy_scale + m_.energies[m_.elements[g_.numbers[i]]];
    }

    const Model& m_;
    const Graph& g_;
    const Asked asked_;
    Layout edges_;
    float *frame_, *weights_, *neighbor_, *embedded_, *state_, *source_, *surroundings_, *senders_, *receivers_;
    float *features_, *memory_, *output_;
    float **sums_, **kept_;
    State* states_;
    float *by_vector_ = nullptr, *by_frame_ = nullptr, *by_weights_ = nullptr, *by_sums_ = nullptr;
    float *by_state_ = nullptr, *by_features_ = nullptr, *by_first_ = nullptr, *by_memory_ = nullptr;
    float *by_senders_ = nullptr, *by_receivers_ = nullptr, *by_source_ = nullptr, *direct_ = nullptr;
    float* by_edge_ = nullptr;
    double *by_position_ = nullptr, *by_strain_ = nullptr;
    int64_t used_ = 0;
};

}  // namespace

extern "C" {

// Bytes of memory that `evaluate` needs.
int64_t evaluate_room(const Model* model, const Graph* graph, const Asked* asked) {
    return Evaluation(*model, *graph, *asked, Room(nullptr)).used();
}

// Answers from a memory of that many bytes, which begins on a cache line.
void evaluate(const Model* model, const Graph* graph, const Asked* asked, char* memory, const Answer* answer) {
    Evaluation(*model, *graph, *asked, Room(memory)).run(*answer);
}
}

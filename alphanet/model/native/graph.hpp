// A batch of structures as it comes from Python, its edges, and forces and stress from gradients by edges.
#pragma once

#include <cmath>

#include "edges.hpp"

// As `AtomGraph` has it; E edges sorted by receiver.
struct Graph {
    int64_t n, E, structures;
    const float *positions, *cell, *shift;  // (n, 3) Å, (structures, 3, 3) Å, (E, 3) in lattice vectors
    const int64_t *numbers, *batch, *sender, *receiver;
    const bool* pbc;  // (structures, 3)
};

// What is asked for; forces and stress may be null.
struct Answer {
    double *energy, *energies;  // (structures,) and (n,) eV
    float *forces, *stress;     // (n, 3) eV/Å and (structures, 3, 3) eV/Å^3
};

// Hands out pieces of one memory; without memory it only counts.
class Room {
  public:
    explicit Room(char* base) : base_(base) {}
    template <class T = float>
    T* take(int64_t numbers) {
        const int64_t begin = used_;
        used_ += (numbers * (int64_t)sizeof(T) + 63) / 64 * 64;
        return base_ ? reinterpret_cast<T*>(base_ + begin) : nullptr;
    }
    int64_t used() const { return used_; }

  private:
    char* base_;
    int64_t used_ = 0;
};

// Edges as `Edges` has them.
struct Layout {
    float *filled, *vector;  // (E,) ones and (E, 3)
    int64_t* count;          // edges of each atom (n,)

    Layout(const Graph& graph, Room& room)
        : filled(room.take(graph.E)), vector(room.take(graph.E * 3)), count(room.take<int64_t>(graph.n)) {}

    void fill(const Graph& graph) {
        std::fill_n(filled, graph.E, 1.0f);
        std::fill_n(count, graph.n, 0);
        for (int64_t edge = 0; edge < graph.E; edge++) {
            const int64_t from = graph.sender[edge], to = graph.receiver[edge];
            const float *cell = graph.cell + graph.batch[to] * 9, *shift = graph.shift + edge * 3;
            count[to]++;
            for (int k = 0; k < 3; k++) {
                const float offset = shift[0] * cell[k] + shift[1] * cell[3 + k] + shift[2] * cell[6 + k];
                vector[edge * 3 + k] = graph.positions[from * 3 + k] + offset - graph.positions[to * 3 + k];
            }
        }
    }
};

// Å^3; 0 where no stress is defined.
inline double volume(const Graph& graph, int64_t structure) {
    const float* c = graph.cell + structure * 9;
    const bool* pbc = graph.pbc + structure * 3;
    if (!pbc[0] && !pbc[1] && !pbc[2]) return 0.0;
    auto minor = [&](int i, int j) { return (double)c[3 + i] * c[6 + j] - (double)c[3 + j] * c[6 + i]; };
    return std::fabs(c[0] * minor(1, 2) + c[1] * minor(2, 0) + c[2] * minor(0, 1));
}

// Forces and stress from the gradients by the edges' vectors, `by_vector`, and by stored positions, `direct` (n, 3), if
// there are any.
inline void differentiate(const Graph& graph, const Layout& edges, const float* by_vector, const float* direct,
                          double* by_position, double* by_strain, const Answer& answer) {
    std::fill(by_position, by_position + graph.n * 3, 0.0);
    std::fill(by_strain, by_strain + graph.structures * 9, 0.0);
    for (int64_t i = 0; direct && i < graph.n; i++)
        for (int k = 0; k < 3; k++) {
            by_position[i * 3 + k] = direct[i * 3 + k];
            for (int l = 0; l < 3; l++)
                by_strain[graph.batch[i] * 9 + l * 3 + k] += (double)graph.positions[i * 3 + l] * direct[i * 3 + k];
        }
    for (int64_t edge = 0; edge < graph.E; edge++) {
        const int64_t to = graph.receiver[edge], from = graph.sender[edge];
        const float *vector = edges.vector + edge * 3, *by = by_vector + edge * 3;
        double* strain = by_strain + graph.batch[to] * 9;
        for (int k = 0; k < 3; k++) {
            by_position[from * 3 + k] += by[k], by_position[to * 3 + k] -= by[k];
            for (int l = 0; l < 3; l++) strain[l * 3 + k] += (double)vector[l] * by[k];
        }
    }
    for (int64_t i = 0; answer.forces && i < graph.n * 3; i++) answer.forces[i] = (float)-by_position[i];
    for (int64_t b = 0; answer.stress && b < graph.structures; b++) {
        const double size = volume(graph, b), *strain = by_strain + b * 9;
        for (int k = 0; k < 3; k++)
            for (int l = 0; l < 3; l++)
                answer.stress[b * 9 + k * 3 + l] =
                    size > 0.0 ? (float)(0.5 * (strain[k * 3 + l] + strain[l * 3 + k]) / size) : 0.0f;
    }
}

// Repulsion of nuclei at short distance, see `repulsion.py`, in double precision.
#pragma once

#include "graph.hpp"
#include "radial.hpp"

// Constants; `terms` is 0 where a model has no repulsion.
struct Repulsion {
    const double *weights, *exponents;         // (terms,)
    const double *charges, *powers, *reaches;  // by atomic number
    double length, coulomb;                    // Å and eV Å
    int64_t terms, envelope;
};

// Adds half of each pair's energy to its receiver's, and the gradients by vectors.
inline void repel(const Repulsion& r, const Graph& graph, const Layout& edges, double cutoff, double* energies,
                  float* by_vector) {
    for (int64_t edge = 0; r.terms && edge < graph.E; edge++) {
        const int64_t to = graph.receiver[edge], a = graph.numbers[to], b = graph.numbers[graph.sender[edge]];
        const float* v = edges.vector + edge * 3;
        const double d = std::sqrt((double)v[0] * v[0] + (double)v[1] * v[1] + (double)v[2] * v[2]);
        const double end = std::min(r.reaches[a] + r.reaches[b], cutoff);
        if (!(d < end)) continue;
        const double scale = (r.powers[a] + r.powers[b]) / r.length;
        double screened = 0.0, slope = 0.0, smooth, by_smooth;
        for (int64_t k = 0; k < r.terms; k++) {
            const double term = r.weights[k] * std::exp(-r.exponents[k] * d * scale);
            screened += term, slope -= term * r.exponents[k] * scale;
        }
        envelope<double>(r.envelope, d / end, end, smooth, by_smooth);
        const double bare = 0.5 * r.coulomb * r.charges[a] * r.charges[b] / d;
        energies[to] += bare * screened * smooth;
        const double by_distance = bare * (slope * smooth + screened * by_smooth - screened * smooth / d);
        for (int k = 0; by_vector && k < 3; k++) by_vector[edge * 3 + k] += (float)(by_distance * v[k] / d);
    }
}

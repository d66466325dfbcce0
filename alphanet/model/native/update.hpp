// The update of atoms from the sums of a message layer, and its derivatives, in both readings.
//
// Formulas: `updates.py`, `official.py` and `paper.py` in `fast`, and the reference.
#pragma once

#include "atoms.hpp"

// Frame transition: a linear map of vectors to two, and Linear, SiLU, Linear on invariants.
struct Transition {
    Matrix mix, first, second;               // H to 2 H, 2 H to H, H to 3 H
    Matrix to_vectors, to_input, to_hidden;  // their transposes
};

// Constants, see `atoms.py`. Parts of complex numbers are padded each.
struct Update {
    Matrix rotation, to_branch;  // branch (padded) to 2 HALF (a complex number) or HALF (an angle); its transpose
    Matrix memory, to_state;     // H to 2 C CP: real and imaginary parts of (C from, CP to); its transpose
    Features next;               // of the next layer
    Transition transition;
    const float *weight, *bias;        // (H,) of the norm of scalar messages
    const float *readout, *of_memory;  // (H,) and (2 CP,), after the last layer
    float shift, softness;             // of the readout; of moduli and norms, in the paper's reading
    int64_t branch, C;                 // columns of the branch's sums; complex channels of the memory
    int64_t official, norm;   // norm: 0 none, 1 of scalars and branch together, 2 of the branch alone (official)
    int64_t angles, rotates;  // whether the rotation is made from angles; whether there is one
    int64_t first, last, transits, gated, remembers;

    int64_t sums() const { return 4 * H + branch; }
    int64_t CP() const { return padded(C); }
    int64_t mixed() const { return remembers ? 2 * C * CP() : 0; }
    const float* branch_of(const float* sums) const { return official ? sums : sums + 4 * H; }
    const float* scalars_of(const float* sums) const { return official ? sums + branch : sums; }
    bool norms_scalars() const { return !official || norm == 1; }
};

// Arrays of all atoms, or of a tile of them: rows of u.sums(), H, 6 H (none in the first layer) and 2 CP numbers.
struct State {
    const float *sums, *s, *features, *memory;

    State at(const Update& u, int64_t i) const {
        return {sums + i * u.sums(), s + i * H, u.first ? nullptr : features + i * 6 * H,
                u.remembers ? memory + i * 2 * u.CP() : nullptr};
    }
};

// Everything that an update computes on a tile of atoms.
struct UpdateTile {
    const Update& u;
    int64_t BP, CP;
    float *branch, *of_branch, *scalar, *of_scalar, *shrink;     // normalized sums, and what they were divided by
    float *number, *turn, *modulus;                              // of the rotation
    float *s, *v, *mixed, *memory, *of_memory;                   // after the message
    float *mixes, *product, *input, *hidden, *active, *factors;  // of the transition
    float* rotated;
    FeaturesTile next;
    float *by_s, *by_v, *by_x, *by_input, *by_mixes, *by_mixed, *by_turn, *by_branch, *before;

    UpdateTile(const Update& u, float* memory_of_tile) : UpdateTile(u, Cut(memory_of_tile)) {}

    static int64_t floats(const Update& u) {
        const int64_t BP = padded(u.branch), CP = u.CP();
        const int64_t columns = 2 * BP + 3 + 7 * HALF + 2 * u.mixed() + 5 * CP + 35 * H;
        return ATOMS * columns + 32 * 16 + FeaturesTile::floats();
    }

    void run(const State& from, int64_t rows) {
        receive(from, rows);
        if (u.remembers) remember(from, rows);
        if (u.transits) transit(rows);
        if (!u.last) rotate(rows);
    }

    // Outputs of the last layer, (rows,).
    float output(int64_t i) const {
        Vector sum{};
        for (int h = 0; h < H; h += LANES) sum += load(s + i * H + h) * load(u.readout + h);
        for (int64_t k = 0; u.remembers && k < 2 * CP; k += LANES)
            sum += load(memory + i * 2 * CP + k) * load(u.of_memory + k);
        return total(sum) + u.shift;
    }

    void receive(const State& from, int64_t rows);
    void remember(const State& from, int64_t rows);
    void transit(int64_t rows);
    void rotate(int64_t rows);
    void receive_back(const State& from, int64_t rows, float* by_sums);
    void remember_back(const State& from, int64_t rows, float* by_memory);
    void transit_back(int64_t rows);
    void rotate_back(const float* by_features, int64_t rows);

  private:
    UpdateTile(const Update& u, Cut cut)
        : u(u),
          BP(padded(u.branch)),
          CP(u.CP()),
          branch(cut.rows(BP)),
          of_branch(cut.rows(1)),
          scalar(cut.rows(H)),
          of_scalar(cut.rows(1)),
          shrink(cut.rows(1)),
          number(cut.rows(2 * HALF)),
          turn(cut.rows(2 * HALF)),
          modulus(cut.rows(HALF)),
          s(cut.rows(H)),
          v(cut.rows(3 * H)),
          mixed(cut.rows(u.mixed())),
          memory(cut.rows(2 * CP)),
          of_memory(cut.rows(CP)),
          mixes(cut.rows(6 * H)),
          product(cut.rows(H)),
          input(cut.rows(2 * H)),
          hidden(cut.rows(H)),
          active(cut.rows(H)),
          factors(cut.rows(3 * H)),
          rotated(cut.rows(H)),
          next(u.next, cut),
          by_s(cut.rows(H)),
          by_v(cut.rows(3 * H)),
          by_x(cut.rows(3 * H)),
          by_input(cut.rows(2 * H)),
          by_mixes(cut.rows(6 * H)),
          by_mixed(cut.rows(u.mixed())),
          by_turn(cut.rows(2 * HALF)),
          by_branch(cut.rows(BP)),
          before(cut.rows(2 * CP)) {}
};

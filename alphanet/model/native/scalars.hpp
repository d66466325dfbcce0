// The constants of the scalars of both ends of an edge.
#pragma once

#include "edges.hpp"

// Of official-v1 (units): a network from three invariants to one. Of the paper: three factors a channel (mixing).
struct Scalars {
    const float *first, *bias, *last;  // (3, units), (units,) and (units,)
    const float* mixing;               // (3, H)
    int64_t units, official;
    float shift, softness;  // the last bias; of |x|, in the paper's reading

    // Columns of what senders and receivers give: S (3 H), then positions or centers.
    int64_t of_sender() const { return 3 * H + (official ? 3 : 0); }
    int64_t of_receiver() const { return 3 * H + (official ? 6 : 3); }
};

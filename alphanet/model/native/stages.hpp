// The walks over edges that one evaluation is made of, each in its own file.
#pragma once

#include "layer.hpp"
#include "radial.hpp"
#include "scalars.hpp"

extern "C" {

void embedding_forward(const Radial*, const Edges*, float* sums, int64_t threads);
void embedding_backward(const Radial*, const Edges*, const float* by_sums, const Gradients*, int64_t threads);
void surroundings_forward(const Radial*, const Edges*, float* sums, int64_t threads);
void surroundings_backward(const Radial*, const Edges*, const float* by_sums, const Gradients*, int64_t threads);
void scalars_forward(const Scalars*, const Edges*, float* slopes, int64_t threads);
void scalars_backward(const Scalars*, const Edges*, const float* slopes, const Gradients*, int64_t threads);
void layer_forward(const Layer*, const Edges*, float* sums, float* kept, int64_t threads);
void layer_backward(const Layer*, const Edges*, const float* by_sums, float* kept, const Gradients*, int64_t threads);
}

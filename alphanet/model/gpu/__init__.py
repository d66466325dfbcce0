"""A message layer's work on edges between its matrix products, by kernels in Triton, for CUDA."""

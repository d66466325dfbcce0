"""For CUDA, beside compiled functions: layers by kernels in Triton, and evaluations captured whole."""

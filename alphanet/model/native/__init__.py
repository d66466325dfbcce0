"""Kernels in C++ for edges on a CPU, compiled for the processor at their first use."""

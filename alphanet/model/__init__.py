"""AlphaNet, in two readings: the paper's and the public v1 code's."""

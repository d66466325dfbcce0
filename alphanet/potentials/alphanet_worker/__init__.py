"""AlphaNet as a worker in a separate process, which imports from this folder."""

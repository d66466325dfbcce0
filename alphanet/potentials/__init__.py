"""Potentials behind one protocol: AlphaNet in this process, baselines in environments of their own."""

"""Potentials behind one protocol: AlphaNet in this process, baselines in their own environments."""

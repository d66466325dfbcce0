"""Expressiveness: whether a potential tells structures apart that distances, angles or correlations cannot."""

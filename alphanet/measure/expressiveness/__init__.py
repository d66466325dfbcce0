"""Expressiveness: whether a potential tells structures apart that distances, angles or fixed-order correlations cannot."""

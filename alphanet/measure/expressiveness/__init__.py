"""Expressiveness: whether a potential tells apart what distances, angles or fixed-order correlations cannot."""

STEPS = 200  # of a training on a pair
AMPLIFICATION = 8.0  # of random weights

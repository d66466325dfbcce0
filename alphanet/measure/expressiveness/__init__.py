"""Expressiveness: whether a potential tells apart what distances, angles or fixed-order correlations cannot."""

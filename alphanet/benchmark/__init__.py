"""Benchmarks: a card of a kind says what is measured, one runner measures it, one typed result comes out."""

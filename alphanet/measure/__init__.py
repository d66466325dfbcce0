"""Measurements: numbers in, records out."""

"""Figures of predicted crystal stability."""

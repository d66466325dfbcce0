"""Data sets: cards, downloads, formats, storage, splits."""

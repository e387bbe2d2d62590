"""Frozen types and pure rules: what a photo, a face, a bib is. Standard library and NumPy only."""

"""Accuracy of the analysis on labelled photos: `photofinish evaluate`.

Read in this order: `labels` (what is true), `findings` (what was found), `bootstrap`, `bib_measures`
and `face_measures` (pure arithmetic), `slices`, `evaluating` (all of it together), `charts`, `thumbnails`, `report`.
"""

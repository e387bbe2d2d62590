"""Accuracy of the analysis on labelled photos: `photofinish evaluate`.

Read in this order: `labels` (what is true), `findings` (what was found), `bootstrap`, `bib_measures`
and `face_measures` (pure arithmetic), `slices`, `results`, `evaluating_bibs`, `evaluating_detector`
and `evaluating_faces` (each with its worst cases), `charts`, `thumbnails`, `report`.
"""

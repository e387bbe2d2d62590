"""Take the faces that may not be indexed out of an analysis: their boxes stay, and nothing else."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from photofinish.domain.analysis import PhotoAnalysis, WithheldFace


def withhold(analysis: PhotoAnalysis, positions: Collection[int]) -> PhotoAnalysis:
    """Withhold the faces at these positions in `analysis.faces`.

    The other faces keep their numbers, and so their ids. Bib numbers stay: they are read from the photo's text; those
    that a withheld face wore have no face any more.
    """
    if not positions:
        return analysis
    numbers = analysis.face_numbers
    kept = [position for position in range(len(analysis.faces)) if position not in positions]
    place = {position: index for index, position in enumerate(kept)}
    withheld = [
        *analysis.withheld_faces,
        *(WithheldFace(number=numbers[one], box=analysis.faces[one].box) for one in sorted(positions)),
    ]
    return replace(
        analysis,
        faces=tuple(analysis.faces[position] for position in kept),
        withheld_faces=tuple(sorted(withheld, key=lambda one: one.number)),
        bibs=tuple(
            bib if bib.face_index is None else replace(bib, face_index=place.get(bib.face_index))
            for bib in analysis.bibs
        ),
    )

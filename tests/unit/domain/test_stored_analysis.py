"""A sidecar gives back the analysis that it was made of, but for the embeddings."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from photofinish.domain.analysis import PhotoAnalysis, WithheldFace
from photofinish.domain.bib import Bib, TextLine
from photofinish.domain.depiction import Depiction, Label, depiction_of, stored_depiction
from photofinish.domain.geometry import Box, Quad
from photofinish.domain.photo import PhotoRef
from photofinish.domain.photo_warning import PhotoWarning, WarningCode
from photofinish.domain.sidecar import read_sidecar, sidecar, sidecar_bytes
from photofinish.domain.start_list import BibCandidate
from photofinish.domain.stored_analysis import analysis_of
from support.faces import embedding, face
from support.index import VERSION, analysis

LABELS = (Label(name="crash helmet", score=0.75), Label(name="bicycle", score=0.125))
PHOTO = PhotoRef(bucket="photos", name="race/IMG_1.jpg", generation=3)


def whole_analysis() -> PhotoAnalysis:
    found = analysis(
        [face(embedding([1, 0])), face(embedding([0, 1]), x=0.6)],
        [
            Bib(
                number="42",
                ocr_score=0.8,
                box=Box(0.1, 0.4, 0.1, 0.1),
                face_index=1,
                partial=True,
                candidates=(BibCandidate(number="42", probability=0.75), BibCandidate(number="47", probability=0.25)),
            )
        ],
        taken_at=datetime(2026, 5, 1, 9, 30),
        camera="left",
        perceptual_hash=1 << 63,
    )
    return replace(
        found,
        text=(
            TextLine(
                text="42",
                ocr_score=0.9,
                box=Box(0.1, 0.4, 0.1, 0.1),
                quad=Quad((0.1, 0.4), (0.2, 0.41), (0.2, 0.5), (0.1, 0.49)),
                digit_probabilities=((0, 0, 0, 0, 1.0, 0, 0, 0, 0, 0), (0, 0, 0.75, 0, 0, 0, 0, 0.25, 0, 0)),
            ),
        ),
        warnings=(PhotoWarning(code=WarningCode.END_MISSING, message="The end is missing."),),
        face_areas=(Box(0.1, 0.1, 0.2, 0.2),),
        erased_faces=(1,),
        withheld_faces=(WithheldFace(number=3, box=Box(0.5, 0.5, 0.1, 0.1)),),
        placeholder=b"placeholder",
        models={"face_embedding": "m"},
        timings_ms={"decode": 1.5},
        depiction=depiction_of(stored_depiction(Depiction(embedding=embedding([3, 4]), labels=LABELS))),
    )


def test_the_sidecar_of_a_stored_analysis_is_the_same() -> None:
    found = whole_analysis()
    document = read_sidecar(sidecar_bytes(sidecar(PHOTO, found, VERSION)))
    stored = analysis_of(document, [one.embedding for one in found.faces])
    assert sidecar(PHOTO, stored, VERSION) == document
    assert stored.face_numbers == found.face_numbers == (0, 2)
    assert all(one.embedding is other.embedding for one, other in zip(stored.faces, found.faces, strict=True))

"""Read the numbers of an analysed photo again, by other rules, from the text and faces in its sidecar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from photofinish.domain.bib import Bib, TextLine, find_bibs
from photofinish.domain.bib_rules import BibRules
from photofinish.domain.geometry import Box, Quad
from photofinish.domain.sidecar import face_numbers, read_sidecar


@dataclass(frozen=True, slots=True)
class StoredFace:
    """A face of a sidecar, as far as finding bibs needs it."""

    box: Box


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredText:
    """What a sidecar holds of a photo that its bibs are found by."""

    lines: tuple[TextLine, ...]
    faces: tuple[StoredFace, ...]
    face_numbers: tuple[int, ...]
    """The number of each of `faces`, which its id is made of."""
    withheld: tuple[StoredFace, ...]
    """Faces that may not be indexed: a number that one of them wears is no other face's."""
    width: int
    height: int

    def bibs(self, rules: BibRules) -> tuple[Bib, ...]:
        """The bibs that an analysis by `rules` finds in the same text.

        Sidecars of earlier versions lack the probabilities of digits, so a start list estimates them from the scores.
        """
        faces = (*self.faces, *self.withheld)
        found = find_bibs(self.lines, faces, width=self.width, height=self.height, rules=rules)
        kept = len(self.faces)
        return tuple(
            replace(bib, face_index=None) if bib.face_index is not None and bib.face_index >= kept else bib
            for bib in found
        )


def stored_text(sidecar: bytes) -> StoredText:
    """Parse a sidecar; raises ValueError, see :func:`read_sidecar`."""
    return stored_text_of(read_sidecar(sidecar))


def stored_text_of(document: Mapping[str, Any]) -> StoredText:
    """Take it from a sidecar in the form of :func:`read_sidecar`."""
    return StoredText(
        lines=tuple(_line(line) for line in document["text"]),
        faces=tuple(StoredFace(Box(**face["box"])) for face in document["faces"]),
        face_numbers=face_numbers(document),
        withheld=tuple(StoredFace(Box(**face["box"])) for face in document.get("withheld_faces", ())),
        width=document["image"]["width"],
        height=document["image"]["height"],
    )


def _line(stored: Mapping[str, Any]) -> TextLine:
    text = stored["text"]
    likely = stored.get("digit_probabilities", {})
    return TextLine(
        text=text,
        ocr_score=stored["ocr_score"],
        box=Box(**stored["box"]),
        quad=_quad(stored["corners"]) if "corners" in stored else None,
        digit_probabilities=tuple(_digits(likely.get(str(position), {})) for position in range(len(text)))
        if likely
        else (),
    )


def _quad(corners: Sequence[Mapping[str, float]]) -> Quad:
    return Quad(*((corner["x"], corner["y"]) for corner in corners))


def _digits(likely: Mapping[str, float]) -> tuple[float, ...]:
    return tuple(likely.get(digit, 0.0) for digit in "0123456789")

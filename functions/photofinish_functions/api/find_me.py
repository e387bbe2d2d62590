"""What signed-in users without custom claims may search for, and what of a search's answer they get."""

from __future__ import annotations

from photofinish.domain.access import Reading
from photofinish_functions.api.search_answers import FoundPhoto
from photofinish_functions.api.search_requests import SearchBody
from photofinish_functions.refused import Refused

_OF_OTHERS = ("name", "person_id", "embeddings", "min_similarity")
"""Criteria that find other people, or probe who is similar to whom."""


def check_criteria(body: SearchBody, *, with_selfies: bool, reading: Reading) -> None:
    """Refuse criteria that a caller with this `reading` may not search by.

    Raises:
        Refused: 403.
    """
    if reading is Reading.ALL:
        return
    if refused := [name for name in _OF_OTHERS if getattr(body, name) is not None]:
        raise Refused(
            403, "find_me_only", f"Signed-in users find themselves by selfie or bib number, not {refused[0]}."
        )
    if body.about is not None and not reading.includes(Reading.BROWSE):
        raise Refused(403, "find_me_only", "Send a selfie or a bib number: a description would find others, too.")
    if not reading.includes(Reading.BROWSE) and not with_selfies and body.bib is None:
        raise Refused(403, "find_me_only", "Send a selfie or a bib number: signed-in users find only themselves here.")


def shown_to(reading: Reading, found: FoundPhoto) -> FoundPhoto:
    """The found photo without what a caller with this `reading` may not see: names, and ids of what did not match."""
    if reading is Reading.ALL:
        return found
    bib = found.bib
    if bib is not None and not reading.includes(Reading.BROWSE):
        bib = bib.model_copy(update={"evidence_photo_id": None, "evidence_face_id": None})
    return found.model_copy(update={"name": None, "bib": bib})

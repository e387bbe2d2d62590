"""Probing: searching again and again to find out what an album's templates are.

A single answer says little: which face is most similar, in steps. Many answers about one face, each to another query,
add up to its template. So what an answer says is charged to its caller:

- A face that was the best match of more than :data:`FREE_QUERIES` different queries within a day costs
  :data:`FOUND_AGAIN_S` for each further one. People send a few selfies of themselves.
- Vectors that find nothing cost :data:`NOTHING_FOUND_S`. Faces are found in their album; made-up vectors are not.
- A match that may be a stranger's is weak. After a day's number of answers with only weak matches, a caller gets only
  certain ones: templates cannot be put together from the many strangers who are a little similar to them.

The first two use up one budget of the caller, and without it searches by faces have to wait. Charges follow from
answers that were given, never from the one that is refused, so a refusal says nothing about a template.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from photofinish.domain.matching import Calibration, is_certain
from photofinish.domain.search_results import BestMatch

DAY_S = 86_400.0
FREE_QUERIES = 8
FOUND_AGAIN_S = 300.0
NOTHING_FOUND_S = 5.0
BUDGET_S = 20 * FOUND_AGAIN_S
"""The caller's budget of seconds; it regains one a second."""
MIN_WEAK_ANSWERS = 8
FACES_PER_WEAK_ANSWER = 8
"""An album allows one weak answer a day for so many faces, and :data:`MIN_WEAK_ANSWERS` if it is small.

A stranger matches 1 of 1,000 faces, so the answers show a face about once in 8 days to each caller."""


def query_cost_s(queries_of_faces: Iterable[int]) -> float:
    """The cost of an answer to a new query, whose best matches were so many different queries' today, with this one."""
    return FOUND_AGAIN_S * sum(count > FREE_QUERIES for count in queries_of_faces)


def weak_cost_s(faces_in_album: int) -> float:
    """The cost of an answer with only weak matches, of a budget of a day."""
    return DAY_S / max(MIN_WEAK_ANSWERS, faces_in_album // FACES_PER_WEAK_ANSWER)


def similarity_by_face(best_matches: Iterable[BestMatch]) -> Mapping[str, float]:
    """Each face that is a best match, with its highest similarity."""
    similarities: dict[str, float] = {}
    for match in best_matches:
        similarities[match.face_id] = max(match.similarity, similarities.get(match.face_id, -1.0))
    return similarities


def is_weak(similarity: float, calibration: Calibration) -> bool:
    """Whether a stranger may well be as similar."""
    return not is_certain(similarity, calibration)

"""What every operation works with: the checked request, its answer, and the parts that several operations share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from photofinish.domain.access import Principal, Scope
from photofinish.domain.face import Face
from photofinish.domain.people import Person
from photofinish.domain.photo import PhotoRef, is_album_name
from photofinish.domain.search_results import BestMatch
from photofinish.wiring import App
from photofinish_functions.access.probing import FaceSearch, Probing
from photofinish_functions.rekognition.errors import no_faces, unknown_collection, unknown_user
from photofinish_functions.rekognition.images import Picture, read_picture
from photofinish_functions.rekognition.quality import MAX_FACES, reasons_against
from photofinish_functions.rekognition.similarity import SimilarityScale
from photofinish_functions.rekognition.tokens import PageTokens

PICTURE_COST: Final = 5
"""What a request with a picture counts against the rate limit."""
DEFAULT_THRESHOLD: Final = 80.0


@dataclass(frozen=True, slots=True)
class Call:
    """A request, checked against the service model, and the principal, who has the operation's scope."""

    operation: str
    principal: Principal
    request: Mapping[str, Any]
    request_id: str
    probing: Probing


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of an answer, and what the audit records of it: the id that it was about, and how many results."""

    body: Mapping[str, Any]
    target: str | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation, the scope that it requires, and what it counts against the rate limit."""

    handle: Callable[[App, Call], Answer]
    scope: Scope
    cost: int = 1


def existing_collection(cloud: App, call: Call) -> str:
    """Return the collection that the request names.

    Raises:
        RekognitionError: ResourceNotFoundException.
    """
    collection: str = call.request["CollectionId"]
    if not is_album_name(collection) or not cloud.collections.exists(collection):
        raise unknown_collection(collection)
    return collection


def existing_user(cloud: App, collection: str, user: str) -> Person:
    """Return the user of the collection.

    Raises:
        RekognitionError: ResourceNotFoundException.
    """
    person = cloud.users.get_user(collection, user)
    if person is None:
        raise unknown_user(user)
    return person


def page_start(cloud: App, call: Call, collection: str = "") -> str | None:
    """Return the position after which the requested page begins, from its NextToken; None for the first page.

    Raises:
        RekognitionError: InvalidPaginationTokenException.
    """
    token = call.request.get("NextToken")
    return None if token is None else _page_tokens(cloud).open(token, operation=call.operation, collection=collection)


def next_token(cloud: App, call: Call, last: str, collection: str = "") -> str:
    """Return the NextToken of a page whose last item is at the position `last`."""
    return _page_tokens(cloud).seal(last, operation=call.operation, collection=collection)


def picture_in(cloud: App, call: Call, member: str = "Image") -> Picture:
    """Return the picture in `member` of the request. Raises as :func:`read_picture` does."""
    bucket = cloud.settings.photo_bucket
    return read_picture(call.request[member], call.principal, cloud.store, bucket, cloud.decoders)


def faces_in(cloud: App, picture: Picture) -> tuple[Face, ...]:
    """Return the faces of the picture, largest first, at most 100."""
    [faces] = cloud.encoder.encode([picture.pixels])
    return faces[:MAX_FACES]


def largest_accepted(cloud: App, call: Call, faces: Sequence[Face]) -> Face:
    """Return the first of `faces`, which come largest first, that passes the request's QualityFilter.

    Raises:
        RekognitionError: InvalidParameterException, none passes.
    """
    quality_filter = call.request.get("QualityFilter", "NONE")
    for face in faces:
        if not reasons_against(face, quality_filter, cloud.calibration):
            return face
    raise no_faces()


def album_of_object(image: Mapping[str, Any]) -> str | None:
    """Return the album of the photo that an Image of the request names; None if it contains the picture."""
    if "S3Object" not in image:
        return None
    return PhotoRef(bucket="", name=image["S3Object"]["Name"], generation=0).album


def required_cosine(cloud: App, call: Call, collection: str, threshold: str) -> float:
    """Admit a search by faces; return the cosine that it requires, by the member `threshold` of the request.

    Raises:
        RateLimited: the caller probes templates.
    """
    required = SimilarityScale(cloud.calibration).searched(call.request.get(threshold, DEFAULT_THRESHOLD))
    only_certain = call.probing.admit(_face_search(call, collection))
    return max(required, cloud.calibration.certain_similarity) if only_certain else required


def charge_search(cloud: App, call: Call, collection: str, query: Sequence[bytes], best: BestMatch | None) -> None:
    """Charge for the answer to a search by faces, whose best match is `best`; see :meth:`Probing.charge`."""
    call.probing.charge(
        _face_search(call, collection),
        query,
        [] if best is None else [best],
        cloud.calibration,
        count_faces=lambda: sum(
            summary.faces for summary in cloud.albums.summaries(names=frozenset({collection}), limit=1, after=None)
        ),
    )


def _face_search(call: Call, collection: str) -> FaceSearch:
    return FaceSearch(principal=call.principal, album=collection, request_id=call.request_id)


def _page_tokens(cloud: App) -> PageTokens:
    return PageTokens(cloud.signed_access_settings.token_secret)

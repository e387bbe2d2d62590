"""What an operation is given, what it gives back, and what it demands of whoever calls it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from photofinish.domain.access import Principal, Scope
from photofinish.domain.face import Face
from photofinish.domain.photo import is_album_name
from photofinish_functions.rekognition.errors import no_faces, unknown_collection
from photofinish_functions.rekognition.images import Picture
from photofinish_functions.rekognition.quality import MAX_FACES
from photofinish_functions.rekognition.services import Services

PICTURE_COST: Final = 5
"""Of a request with pictures, against the rate limit."""
DEFAULT_THRESHOLD: Final = 80.0


@dataclass(frozen=True, slots=True)
class Call:
    """One request, checked against the service model, by a principal that may make it."""

    operation: str
    principal: Principal
    request: Mapping[str, Any]

    def existing_collection(self, services: Services) -> str:
        """The collection that the request names.

        Raises:
            RekognitionError: ResourceNotFoundException.
        """
        collection: str = self.request["CollectionId"]
        if not is_album_name(collection) or not services.collections.exists(collection):
            raise unknown_collection(collection)
        return collection


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of an answer, and what the audit remembers of it: which thing it was about, and how many."""

    body: Mapping[str, Any]
    target: str | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation and who may call it."""

    handle: Callable[[Services, Call], Answer]
    scope: Scope
    cost: int = 1


def faces_in(services: Services, call: Call, member: str = "Image") -> tuple[tuple[Face, ...], Picture]:
    """The faces, largest first and 100 at most, of the picture in `member`, and the picture.

    Raises:
        RekognitionError: as :meth:`Pictures.read` does.
    """
    picture = services.pictures.read(call.request[member], call.principal)
    [faces] = services.encoder.encode([picture.pixels])
    return faces[:MAX_FACES], picture


def largest_passing(services: Services, call: Call, faces: Sequence[Face]) -> Face:
    """The largest of `faces` that passes the request's QualityFilter.

    Raises:
        RekognitionError: InvalidParameterException where there is none.
    """
    quality_filter = call.request.get("QualityFilter", "NONE")
    for face in faces:
        if not services.quality.reasons_against(face, quality_filter):
            return face
    raise no_faces()

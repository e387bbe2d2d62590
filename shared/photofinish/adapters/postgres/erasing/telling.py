"""The events that tell of an erasure: what was erased, by ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from photofinish.domain.album_event import AlbumEvent, EventType, fact_id
from photofinish.domain.erasure import ErasedFace, Erasure, ErasureKind


def events_of(erasure: Erasure, faces: Sequence[ErasedFace]) -> Iterator[AlbumEvent]:
    """Yield one event for what was asked for, and one for each photo that stays and lost `faces`."""
    target = erasure.target
    data = {"erasure_id": erasure.id}
    match target.kind:
        case ErasureKind.PHOTO:
            yield AlbumEvent(
                id=fact_id(EventType.PHOTO_ERASED, target.id, target.generation),
                type=EventType.PHOTO_ERASED,
                album=target.album,
                occurred_at=erasure.started_at,
                photo_id=target.id,
                generation=target.generation,
                data=data,
            )
        case ErasureKind.PERSON:
            yield AlbumEvent(
                id=fact_id(EventType.PERSON_ERASED, target.id),
                type=EventType.PERSON_ERASED,
                album=target.album,
                occurred_at=erasure.started_at,
                person_ids=(target.id,),
                data=data,
            )
        case ErasureKind.ALBUM:
            yield AlbumEvent(
                id=fact_id(EventType.ALBUM_ERASED, erasure.id),
                type=EventType.ALBUM_ERASED,
                album=target.album,
                occurred_at=erasure.started_at,
                data=data,
            )
    for (photo_id, generation), count in Counter((face.photo_id, face.generation) for face in faces).items():
        yield AlbumEvent(
            id=fact_id(EventType.FACE_ERASED, erasure.id, photo_id),
            type=EventType.FACE_ERASED,
            album=target.album,
            occurred_at=erasure.started_at,
            photo_id=photo_id,
            generation=generation,
            data=data | {"faces": count},
        )

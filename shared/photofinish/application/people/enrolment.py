"""Enrol people by uploaded pictures: await a picture, embed its face, and delete the picture in any case.

Pictures are objects named ``{album}/{person_id}/{upload_id}``.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

from photofinish.application.consent.liveness import require_live
from photofinish.application.pictures import MAX_PICTURE_BYTES, Pictures
from photofinish.domain.people import WeightedEmbedding
from photofinish.domain.photo import StoredPhoto
from photofinish.errors import PhotoGone, RejectedInput
from photofinish.logs import fields
from photofinish.ports import (
    EnrolmentPictures,
    Enrolments,
    LivenessCheck,
    PhotoLinks,
    SignedUpload,
    SuppressionList,
)

log = logging.getLogger(__name__)

UPLOAD_LIFETIME_S = 3600
# What browsers and phones send; the content decides whether it is a picture.
UPLOAD_CONTENT_TYPE = "application/octet-stream"


def await_pictures(
    album: str, person_id: str, count: int, *, enrolments: Enrolments, links: PhotoLinks
) -> dict[str, SignedUpload]:
    """Await `count` (1 or more) pictures of a person: upload id → signed URL that accepts the picture.

    Raises:
        UnknownPerson: the album has no such person.
    """
    expires_at = datetime.now(UTC) + timedelta(seconds=UPLOAD_LIFETIME_S)
    uploads = enrolments.add_uploads(album, person_id, count, expires_at=expires_at)
    return {
        upload.upload_id: links.upload_url(
            "enrolment",
            object_name(album, person_id, upload.upload_id),
            UPLOAD_CONTENT_TYPE,
            max_bytes=MAX_PICTURE_BYTES,
            expires_in_s=UPLOAD_LIFETIME_S,
        )
        for upload in uploads
    }


def object_name(album: str, person_id: str, upload_id: str) -> str:
    return f"{album}/{person_id}/{upload_id}"


def enrol(
    picture: StoredPhoto,
    *,
    store: EnrolmentPictures,
    enrolments: Enrolments,
    pictures: Pictures,
    suppression: SuppressionList,
    liveness: LivenessCheck | None = None,
) -> None:
    """Accept or refuse one uploaded picture, then delete it; one that is not awaited is deleted unseen.

    It is deleted last: after a crash the event is delivered again and finds it.
    """
    album, _, rest = picture.ref.name.partition("/")
    upload_id = rest.partition("/")[2]
    upload = enrolments.awaited(album, upload_id)
    if upload is not None and picture.ref.name == object_name(album, upload.person_id, upload_id):
        try:
            content = store.read(picture.ref, max_bytes=MAX_PICTURE_BYTES)
            require_live(content, liveness)
            face = pictures.person(content)
            if any(suppression.suppressed(album, [face.embedding])):
                raise RejectedInput(
                    "opted_out",
                    "The person in this picture opted out. If they wish to be enrolled, remove their opt-out first.",
                )
        except PhotoGone:
            return  # another delivery has processed it, or the event of a newer generation will
        except RejectedInput as rejection:
            enrolments.refuse(album, upload_id, rejection.code, rejection.message)
            log.info("not enrolled", extra=fields(album=album, upload_id=upload_id, code=rejection.code))
        else:
            embedding = WeightedEmbedding(face.embedding, face.quality)
            enrolments.accept(album, upload_id, embedding, min_similarity=pictures.calibration.min_similarity)
            log.info("enrolled", extra=fields(album=album, upload_id=upload_id))
    store.delete(picture.ref)


def sweep(
    *,
    uploaded_before: datetime,
    store: EnrolmentPictures,
    enrolments: Enrolments,
    pictures: Pictures,
    suppression: SuppressionList,
    liveness: LivenessCheck | None = None,
) -> int:
    """Process pictures whose event was lost, and give up on uploads that never came; return how many pictures."""
    count = 0
    for picture in store.uploaded_before(uploaded_before):
        enrol(
            picture,
            store=store,
            enrolments=enrolments,
            pictures=pictures,
            suppression=suppression,
            liveness=liveness,
        )
        count += 1
    enrolments.expire(uploaded_before)
    return count

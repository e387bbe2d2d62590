"""A picture was uploaded to enrol somebody: find the face, keep what it looks like, delete the picture in any case."""

from __future__ import annotations

import logging
from datetime import datetime

from photofinish.application.pictures import MAX_PICTURE_BYTES, Pictures
from photofinish.domain.people import Weighted
from photofinish.domain.photo import StoredPhoto
from photofinish.errors import PhotoGone, RejectedInput
from photofinish.logs import fields
from photofinish.ports import EnrolmentPictures, Enrolments

log = logging.getLogger(__name__)


def object_name(album: str, person_id: str, upload_id: str) -> str:
    """Where the picture of an upload lies in the bucket."""
    return f"{album}/{person_id}/{upload_id}"


def enrol(picture: StoredPhoto, *, store: EnrolmentPictures, enrolments: Enrolments, pictures: Pictures) -> None:
    """Look at one uploaded picture; the upload's status tells what became of it.

    It is deleted last, so that a crash before leaves it there and the event, delivered again, starts anew. What is not
    awaited (any more) is deleted unseen.
    """
    album, _, rest = picture.ref.name.partition("/")
    upload_id = rest.partition("/")[2]
    upload = enrolments.awaited(album, upload_id)
    if upload is not None and picture.ref.name == object_name(album, upload.person_id, upload_id):
        try:
            face = _face(store.read(picture.ref, max_bytes=MAX_PICTURE_BYTES), pictures)
        except PhotoGone:
            return  # deleted or overwritten: whoever did that has seen to the upload, or a newer event will
        except RejectedInput as rejection:
            enrolments.refuse(album, upload_id, rejection.code, rejection.message)
            log.info("not enrolled", extra=fields(album=album, upload_id=upload_id, code=rejection.code))
        else:
            enrolments.accept(album, upload_id, face, min_similarity=pictures.calibration.min_similarity)
            log.info("enrolled", extra=fields(album=album, upload_id=upload_id))
    store.delete(picture.ref)


def sweep(*, uploaded_before: datetime, store: EnrolmentPictures, enrolments: Enrolments, pictures: Pictures) -> int:
    """See to pictures whose announcement was lost, and to uploads that never came; how many pictures these were."""
    count = 0
    for picture in store.uploaded_before(uploaded_before):
        enrol(picture, store=store, enrolments=enrolments, pictures=pictures)
        count += 1
    enrolments.expire(uploaded_before)
    return count


def _face(content: bytes, pictures: Pictures) -> Weighted:
    face = pictures.person(content)
    return Weighted(face.embedding, face.quality)

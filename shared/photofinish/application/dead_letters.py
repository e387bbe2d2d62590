"""Photos whose messages were delivered too often without success."""

from __future__ import annotations

import logging

from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.logs import fields
from photofinish.ports import Documents, ResultEvents

log = logging.getLogger(__name__)


def record_given_up(photo: PhotoRef, *, attempts: str, documents: Documents, events: ResultEvents) -> None:
    """Give the photo the status `failed`, unless it reached a final one in the meantime.

    `attempts` is the number of deliveries as Pub/Sub counted them.
    """
    sentence = f"The analysis failed {attempts} times and was given up; `photofinish redrive` tries it again."
    if documents.record_final(photo, PhotoStatus.FAILED, {}, error=("gave_up", sentence)):
        events.publish_result(photo, PhotoStatus.FAILED)
        log.warning("failed", extra=fields(photo_id=photo.photo_id, album=photo.album, attempts=attempts))

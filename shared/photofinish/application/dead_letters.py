"""Photos whose messages failed as often as the queue delivers them."""

from __future__ import annotations

import logging

from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.domain.work import is_version
from photofinish.logs import fields
from photofinish.ports import Documents, ResultEvents

log = logging.getLogger(__name__)


def record_given_up(photo: PhotoRef, *, attempts: str, documents: Documents, events: ResultEvents) -> None:
    """Set the photo's status to `failed`, unless it is final by now; `attempts` is Pub/Sub's count of deliveries.

    The result event has the photo taken out of the search, so it is published also where an attempt at this message
    ended between the two.
    """
    sentence = f"The analysis failed {attempts} times and was stopped. Run `photofinish redrive` to try it again."
    is_new = documents.record_final(photo, PhotoStatus.FAILED, {}, error=("gave_up", sentence))
    state = documents.states([photo]).get(photo)
    if is_version(state, photo) and state.status is PhotoStatus.FAILED:
        events.publish_result(photo, PhotoStatus.FAILED)
    if is_new:
        log.warning("failed", extra=fields(photo_id=photo.photo_id, album=photo.album, attempts=attempts))

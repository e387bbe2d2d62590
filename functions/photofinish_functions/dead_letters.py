"""What was delivered too often without success gets the status `failed`, so that nobody waits for it in vain."""

from __future__ import annotations

import logging

from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.logs import fields
from photofinish.ports import Documents, ResultEvents
from photofinish.work_messages import parse_work_message
from photofinish_functions.events import Message, NotOurs, parse_object_finalized

log = logging.getLogger(__name__)


def photo_of_dead_letter(message: Message) -> PhotoRef:
    """The photo of a dead letter: a work item, or a storage notification that could not be ingested.

    Raises:
        NotOurs: neither.
    """
    try:
        return parse_work_message(message.data).photo
    except ValueError:
        return parse_object_finalized(message).ref


def record_dead_letter(message: Message, *, documents: Documents, events: ResultEvents) -> None:
    """Give the photo of a dead letter the status `failed`, unless it got a final one in the meantime."""
    try:
        photo = photo_of_dead_letter(message)
    except NotOurs as error:
        log.error("a dead letter names no photo: %s", error)
        return
    attempts = message.attributes.get("CloudPubSubDeadLetterSourceDeliveryCount", "several")
    sentence = f"The analysis failed {attempts} times and was given up; `photofinish redrive` tries it again."
    if documents.record_final(photo, PhotoStatus.FAILED, {}, error=("gave_up", sentence)):
        events.publish_result(photo, PhotoStatus.FAILED)
        log.warning("failed", extra=fields(photo_id=photo.photo_id, album=photo.album, attempts=attempts))

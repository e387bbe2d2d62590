"""The functions as functions-framework calls them.

An event function parses its message and calls one use case. Pub/Sub counts the message as handled when the function
returns, and delivers it again when the function raises.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import functions_framework
from flask import Request

from photofinish.application.dead_letters import record_given_up
from photofinish.application.ingest import ingest
from photofinish.application.reconcile import reconcile as reconcile_bucket
from photofinish.errors import NotOurs
from photofinish.logs import fields, log_json
from photofinish.settings import ApiSettings, RetentionSettings
from photofinish.wiring import app
from photofinish_functions.events import (
    Message,
    is_full_run,
    is_result,
    is_storage_notification,
    parse_dead_letter,
    parse_message,
    parse_object_finalized,
    parse_result_album,
)

# The application of the API and the Rekognition protocol are imported where they are used: event functions do without.
if TYPE_CHECKING:
    from flask_openapi3.openapi import OpenAPI
    from werkzeug.wrappers import Response

    from photofinish_functions.access.gate import Gate


log = logging.getLogger(__name__)
RECENT = timedelta(hours=24)
LOST_AFTER = timedelta(minutes=10)


def on_message(handle: Callable[[Message], None]) -> Callable[[Any], None]:
    """Register `handle` as an event function, for the Pub/Sub messages of a push subscription or a schedule.

    A message that requires no action is logged and counts as handled.
    """

    @functions_framework.cloud_event
    @functools.wraps(handle)
    def function(event: Any) -> None:
        _start()
        try:
            handle(parse_message(event.data))
        except NotOurs as error:
            log.warning("ignored: %s", error)

    registered: Callable[[Any], None] = function
    return registered


@on_message
def on_object_finalized(message: Message) -> None:
    """Record an uploaded photo and queue it."""
    photo = parse_object_finalized(message)
    cloud = app()
    ingest(photo, event_at=message.publish_time, documents=cloud.documents, queue=cloud.queue, events=cloud.events)


@on_message
def launch_workers(_: Message) -> None:
    """Start analysis tasks if photos are waiting; called for each queued photo and on schedule."""
    app().worker_launcher.launch_needed()


@on_message
def on_dead_letter(message: Message) -> None:
    """Give a photo that was delivered too often the status `failed`."""
    photo, attempts = parse_dead_letter(message)
    cloud = app()
    record_given_up(photo, attempts=attempts, documents=cloud.documents, events=cloud.events)


@on_message
def reconcile(message: Message) -> None:
    """Queue photos of the bucket that have no record, on schedule: those of the last day, or all of them if asked."""
    full = is_full_run(message)
    cloud = app()
    reconcile_bucket(
        store=cloud.store,
        documents=cloud.documents,
        queue=cloud.queue,
        events=cloud.events,
        stale_after=timedelta(seconds=cloud.settings.stale_after_s),
        uploaded_since=None if full else datetime.now(UTC) - RECENT,
    )


@on_message
def expire(_: Message) -> None:
    """Delete audit entries, and other records of requests, whose retention is over; called daily."""
    before = datetime.now(UTC) - timedelta(days=RetentionSettings.from_env().audit_retention_days)
    cloud = app()
    cloud.people_changes.expire(before)
    expired = cloud.access.expire(audit_before=before)
    log.info("expired", extra=fields(**asdict(expired)))


@on_message
def cluster_people(message: Message) -> None:
    """Cluster the faces of the album of an analysed photo; on schedule, of every album that changed."""
    cloud = app()
    if is_result(message):
        cloud.clustering.photo_changed(parse_result_album(message))
        return
    cloud.clustering.sweep(full=is_full_run(message))
    cloud.projector.sweep()


@on_message
def on_enrolment_finalized(message: Message) -> None:
    """Enrol a person by an uploaded picture; on schedule, by pictures whose notification was lost."""
    from photofinish.application.people.enrolment import enrol, sweep

    cloud = app()
    if is_storage_notification(message):
        picture = parse_object_finalized(message)
        enrol(picture, store=cloud.enrolment_pictures, enrolments=cloud.enrolments, pictures=cloud.pictures)
        return
    is_full_run(message)  # raises NotOurs for any other message
    sweep(
        uploaded_before=datetime.now(UTC) - LOST_AFTER,
        store=cloud.enrolment_pictures,
        enrolments=cloud.enrolments,
        pictures=cloud.pictures,
    )


@functions_framework.http
def api(request: Request) -> Response:
    """The JSON API: albums, photos, search, faces, people."""
    _start()
    from photofinish_functions.api.app import serve

    return serve(_api_app(), request)


@functions_framework.http
def rekognition(request: Request) -> Response:
    """Amazon Rekognition's protocol, for AWS SDKs."""
    _start()
    from photofinish_functions.rekognition.serving import serve

    return serve(request, app(), _gate)


@functools.cache
def _api_app() -> OpenAPI:
    from photofinish_functions.api.app import make_app
    from photofinish_functions.api.request_ids import AddRequestId

    for handler in logging.getLogger().handlers:
        handler.addFilter(AddRequestId())
    return make_app(app(), _gate, cors_origins=ApiSettings.from_env().cors_origins)


@functools.cache
def _gate() -> Gate:
    from photofinish_functions.access.gate import Gate

    return Gate(app().access, app().access_settings)


@functools.cache
def _start() -> None:
    log_json()

"""The functions as functions-framework calls them.

An event function parses its message and calls one use case. Pub/Sub counts the message as handled when the function
returns, and delivers it again when the function raises.
"""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import functions_framework
import functions_framework.aio
from flask import Request, jsonify
from flask import request as flask_request
from werkzeug.exceptions import HTTPException

from photofinish.application.album_budgets import queue_resumed
from photofinish.application.audit_anchoring import anchor_audit
from photofinish.application.dead_letters import record_given_up
from photofinish.application.ingest import ingest
from photofinish.application.previews import end_due_links
from photofinish.application.reconcile import reconcile as reconcile_bucket
from photofinish.application.recording_events import record_photo_event
from photofinish.application.unindexing import unindex_without_result
from photofinish.application.webhooks.relaying import relay_soon, relaying_soon
from photofinish.domain.photo import PhotoStatus, is_folder_placeholder
from photofinish.domain.video_parts import KEPT_PARTS
from photofinish.domain.webhook import ABANDON_AFTER
from photofinish.errors import NotFound, NotOurs
from photofinish.logs import fields, log_json
from photofinish.settings import ApiSettings, PageSettings, RetentionSettings
from photofinish.wiring import app
from photofinish_functions.events import (
    Message,
    is_full_run,
    is_result,
    is_storage_notification,
    parse_dead_letter,
    parse_delivery,
    parse_erasure,
    parse_message,
    parse_object_deleted,
    parse_object_finalized,
    parse_result,
)

# The application of the API and the Rekognition protocol are imported where they are used: event functions do without.
if TYPE_CHECKING:
    from flask_openapi3.openapi import OpenAPI
    from starlette.requests import Request as AsgiRequest
    from starlette.responses import Response as AsgiResponse
    from werkzeug.wrappers import Response

    from photofinish_functions.access.gate import Gate


log = logging.getLogger(__name__)
RECENT = timedelta(hours=24)
LOST_AFTER = timedelta(minutes=10)
# The event log has its partitions ready for as long as no schedule may run.
EVENT_ROOM = timedelta(days=62)
# Of the ten minutes that a message may take; the next run goes on.
RESCORING_BUDGET_S = 300.0


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


@contextmanager
def _relaying_events() -> Iterator[None]:
    """What is recorded in the event log meanwhile is told to webhooks and subscribers at once."""
    cloud = app()
    with relaying_soon(cloud.event_log, cloud.webhook_messages):
        yield


@on_message
def on_object_finalized(message: Message) -> None:
    """Record an uploaded photo and queue it."""
    cloud = app()
    photo = parse_object_finalized(message, bucket=cloud.settings.photo_bucket)
    ingest(
        photo,
        event_at=message.publish_time,
        documents=cloud.documents,
        queue=cloud.queue,
        events=cloud.events,
        max_video_bytes=cloud.settings.max_video_bytes,
    )


@on_message
def launch_workers(_: Message) -> None:
    """Start analysis tasks if photos are waiting; called for each queued photo and on schedule."""
    app().worker_launcher.launch_needed()


@on_message
def on_dead_letter(message: Message) -> None:
    """Give a photo that was delivered too often the status `failed`."""
    cloud = app()
    photo, attempts = parse_dead_letter(message, bucket=cloud.settings.photo_bucket)
    record_given_up(photo, attempts=attempts, documents=cloud.documents, events=cloud.events)


@on_message
def reconcile(message: Message) -> None:
    """Queue photos of the bucket that have no record, on schedule: those of the last day, or all of them if asked.

    First those of albums whose budget was used up, and was raised.
    """
    full = is_full_run(message)
    cloud = app()
    queue_resumed(cloud.halted_albums, documents=cloud.documents, queue=cloud.queue, events=cloud.events)
    reconcile_bucket(
        store=cloud.store,
        documents=cloud.documents,
        queue=cloud.queue,
        events=cloud.events,
        stale_after=timedelta(seconds=cloud.settings.stale_after_s),
        halted=cloud.halted_albums.read().halted,
        max_video_bytes=cloud.settings.max_video_bytes,
        uploaded_since=None if full else datetime.now(UTC) - RECENT,
    )


@on_message
@_relaying_events()
def expire(message: Message) -> None:
    """Erase what must not be kept any longer.

    That is, when an object of the photo bucket was deleted or overwritten, what was found in it; when an erasure was
    requested, what is left of it. Hourly, and when the API asks for a run: links to previews of albums that began to
    redact, erasures that nothing finished yet, albums that ended, originals where only results are kept, and old
    records of requests, after the audit was anchored. Nightly, also the results of deleted objects whose notification
    was lost.
    """
    cloud = app()
    if is_storage_notification(message):
        photo = parse_object_deleted(message, bucket=cloud.settings.photo_bucket)
        if not is_folder_placeholder(photo):
            cloud.deleted_objects.erase(photo.ref)
        return
    if erasure_id := parse_erasure(message):
        try:
            cloud.eraser.finish(erasure_id)
        except NotFound as error:
            raise NotOurs(str(error)) from None
        return
    full = is_full_run(message)
    # First, because links given before show what must not be seen any more.
    log.info("links ended", extra=fields(previews=end_due_links(datetime.now(UTC), cloud.album_policies, cloud.store)))
    settings = RetentionSettings.from_env()
    before = datetime.now(UTC) - timedelta(days=settings.audit_retention_days)
    cloud.people_changes.expire(before)
    cloud.bib_corrections.expire(before)
    cloud.webhook_deliveries.expire(
        abandon_before=datetime.now(UTC) - ABANDON_AFTER,
        remove_before=datetime.now(UTC) - timedelta(days=settings.webhook_retention_days),
    )
    anchored = anchor_audit(cloud.audit, cloud.audit_anchors)
    expired = cloud.access.expire(audit_before=before)
    counts = {
        "anchored": anchored,
        "kept_answers": cloud.kept_answers.expire(),
        "batches": cloud.batches.expire(datetime.now(UTC)),
        "subscriptions": cloud.subscriptions.expire(datetime.now(UTC)),
        "shares": cloud.shares.expire(before),
        "sessions": cloud.sessions.expire(datetime.now(UTC)),
        "downloads": cloud.downloads.expire(datetime.now(UTC)),
        "video_parts": cloud.video_parts.expire(datetime.now(UTC) - KEPT_PARTS),
    }
    cloud.batches.forget(datetime.now(UTC) - timedelta(days=settings.event_retention_days))
    log.info("expired", extra=fields(**asdict(expired), **counts))
    cloud.eraser.sweep()
    enforced = cloud.retention.enforce(datetime.now(UTC).date())
    log.info("retention enforced", extra=fields(**asdict(enforced)))
    if full:
        cloud.event_log.make_room(datetime.now(UTC) + EVENT_ROOM)
        cloud.event_log.expire(datetime.now(UTC) - timedelta(days=settings.event_retention_days))
        log.info("compared records with the bucket", extra=fields(erased=cloud.deleted_objects.sweep()))


@on_message
def cluster_people(message: Message) -> None:
    """Cluster the faces of the album of an analysed photo; on schedule, of every album that changed.

    The schedule also writes what is out of date in Firestore: documents of people, and access documents.
    """
    cloud = app()
    if is_result(message):
        photo, status = parse_result(message, bucket=cloud.settings.photo_bucket)
        if status is not PhotoStatus.QUEUED:
            cloud.clustering.photo_changed(photo.album)
        return
    with _relaying_events():
        cloud.opt_outs.sweep()
        cloud.batches.settle_all()
        cloud.clustering.sweep(full=is_full_run(message))
        cloud.projector.sweep()
        cloud.access_projector.sweep()


@on_message
def record_events(message: Message) -> None:
    """Record in the event log that a photo was queued or reached a final status, and count the results.

    First, a photo without a result leaves the search: no receiver of its event is to find it there.
    """
    cloud = app()
    photo, status = parse_result(message, bucket=cloud.settings.photo_bucket)
    unindex_without_result(photo, status, cloud.documents, cloud.index)
    if record_photo_event(photo, status, cloud.documents, cloud.event_log, cloud.batches):
        relay_soon(cloud.webhook_messages)
        cloud.statistics_counting.count_soon(photo.album)


@on_message
def deliver_webhooks(message: Message) -> None:
    """Attempt a delivery to a webhook, or send a subscriber's message.

    On schedule, and when there are new events, find who wants them.
    """
    match parse_delivery(message):
        case int(delivery_id):
            app().webhook_deliverer.deliver(delivery_id)
        case str(subscription_id):
            app().notifier.deliver(subscription_id)
        case None:
            app().webhook_relay.run()
            if app().notifying_settings.channels:
                app().notification_relay.run()


@on_message
def on_enrolment_finalized(message: Message) -> None:
    """Enrol a person by an uploaded picture; on schedule, by pictures whose notification was lost."""
    from photofinish.application.people.enrolment import enrol, sweep

    cloud = app()
    if is_storage_notification(message):
        store = cloud.enrolment_pictures
        picture = parse_object_finalized(message, bucket=cloud.settings.enrolment_bucket)
        with _relaying_events():
            enrol(
                picture,
                store=store,
                enrolments=cloud.enrolments,
                pictures=cloud.pictures,
                suppression=cloud.suppression,
                liveness=cloud.liveness,
            )
        return
    is_full_run(message)  # raises NotOurs for any other message
    with _relaying_events():
        sweep(
            uploaded_before=datetime.now(UTC) - LOST_AFTER,
            store=cloud.enrolment_pictures,
            enrolments=cloud.enrolments,
            pictures=cloud.pictures,
            suppression=cloud.suppression,
            liveness=cloud.liveness,
        )


@on_message
def rescore_bibs(message: Message) -> None:
    """Go on reading numbers again in albums whose rules changed, and write the bibs of documents; on schedule."""
    is_full_run(message)  # raises NotOurs for any other message
    cloud = app()
    cloud.album_rescorer.sweep(budget_s=RESCORING_BUDGET_S)
    cloud.bib_projector.sweep()


@functions_framework.http
def api(request: Request) -> Response:
    """The JSON API (albums, photos, search, faces, people), and the pages for people."""
    return _serve_api(request)


@functions_framework.errorhandler(HTTPException)  # type: ignore[untyped-decorator]
def answer_unrouted(error: HTTPException) -> Response:
    """Answer in the function's own form what functions-framework would refuse with a page of HTML.

    An HTTP function serves every path itself: those that the framework has no route for (a line break, `/robots.txt`)
    as all others. An event function is called by Pub/Sub, which reads the status only.
    """
    serve = {"api": _serve_api, "rekognition": _serve_rekognition}.get(os.environ.get("FUNCTION_TARGET", ""))
    if serve is not None:
        return serve(flask_request)
    code = error.name.lower().replace(" ", "_")
    answer = jsonify({"error": {"code": code, "message": error.description}})
    answer.status_code = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    return answer


@functions_framework.aio.http
async def live(request: AsgiRequest) -> AsgiResponse:
    """The live stream of an album's events; `live/app.py` serves its WebSocket twin beside it."""
    from photofinish_functions.live.app import live_service

    return await live_service().stream(request)


def _serve_api(request: Request) -> Response:
    _start()
    from photofinish_functions.api.app import serve

    return serve(_api_app(), request)


@functions_framework.http
def rekognition(request: Request) -> Response:
    """Amazon Rekognition's protocol, for AWS SDKs."""
    return _serve_rekognition(request)


def _serve_rekognition(request: Request) -> Response:
    _start()
    from photofinish_functions.rekognition.serving import serve

    return serve(request, app(), _gate_for_signed)


@functools.cache
def _api_app() -> OpenAPI:
    from photofinish_functions.api.app import make_app
    from photofinish_functions.api.request_ids import AddRequestId

    for handler in logging.getLogger().handlers:
        handler.addFilter(AddRequestId())
    return make_app(
        app(), _gate, cors_origins=ApiSettings.from_env().cors_origins, live_origin=PageSettings.from_env().live_url
    )


@functools.cache
def _gate() -> Gate:
    from photofinish_functions.access.gate import Gate

    return Gate(app().access, app().access_settings, sessions=app().sessions, shares=app().shares)


@functools.cache
def _gate_for_signed() -> Gate:
    from photofinish_functions.access.gate import Gate

    return Gate(app().access, app().signed_access_settings)


@functools.cache
def _start() -> None:
    log_json()

"""The functions as functions-framework calls them. From an event function an exception means: deliver it again."""

from __future__ import annotations

import functools
import logging
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import functions_framework
from flask import Request

from photofinish.application.dead_letters import record_given_up
from photofinish.application.ingest import ingest
from photofinish.application.launch_workers import WorkerLauncher
from photofinish.application.reconcile import reconcile as reconcile_bucket
from photofinish.logs import fields, log_json
from photofinish.settings import ApiSettings, RetentionSettings
from photofinish.wiring import app, model_settings
from photofinish_functions.events import (
    NotOurs,
    parse_dead_letter,
    parse_message,
    parse_object_finalized,
    parse_result_album,
    wants_full_reconcile,
)

if TYPE_CHECKING:
    from flask_openapi3.openapi import OpenAPI
    from werkzeug.wrappers import Response

    from photofinish.application.people.clustering import PeopleClustering
    from photofinish.application.people.projection import PeopleProjector
    from photofinish.application.pictures import Pictures
    from photofinish_functions.rekognition.services import Services as RekognitionServices


log = logging.getLogger(__name__)
RECENT = timedelta(hours=24)
LOST_AFTER = timedelta(minutes=10)


@functions_framework.cloud_event
def on_object_finalized(event: Any) -> None:
    """A photo was dropped: record it and queue it."""
    _start()
    try:
        message = parse_message(event.data)
        photo = parse_object_finalized(message)
    except NotOurs as error:
        log.info("ignored: %s", error)
        return
    cloud = app()
    ingest(photo, event_at=message.publish_time, documents=cloud.documents, queue=cloud.queue, events=cloud.events)


@functions_framework.cloud_event
def launch_workers(event: Any) -> None:
    """There is work, or the scheduled sweep asks: start tasks if any are wanted and free."""
    del event
    _start()
    _worker_launcher().look()


@functions_framework.cloud_event
def on_dead_letter(event: Any) -> None:
    """A photo was delivered too often: give it the status `failed`."""
    _start()
    try:
        photo, attempts = parse_dead_letter(parse_message(event.data))
    except NotOurs as error:
        log.error("ignored: %s", error)
        return
    cloud = app()
    record_given_up(photo, attempts=attempts, documents=cloud.documents, events=cloud.events)


@functions_framework.cloud_event
def reconcile(event: Any) -> None:
    """On schedule: queue what the bucket holds and the records do not, of the last day, or of all time if asked to."""
    _start()
    try:
        full = wants_full_reconcile(parse_message(event.data))
    except NotOurs as error:
        log.error("ignored: %s", error)
        return
    cloud = app()
    reconcile_bucket(
        store=cloud.store,
        documents=cloud.documents,
        queue=cloud.queue,
        events=cloud.events,
        stale_after=timedelta(seconds=cloud.settings.stale_after_s),
        uploaded_since=None if full else datetime.now(UTC) - RECENT,
    )


@functions_framework.cloud_event
def expire(event: Any) -> None:
    """Daily: delete what is only written about requests, such as audit entries, once its retention is over."""
    del event
    _start()
    retention = timedelta(days=RetentionSettings.from_env().audit_retention_days)
    before = datetime.now(UTC) - retention
    app().people_changes.expire(before)
    expired = app().access.expire(audit_before=before)
    log.info("expired", extra=fields(**asdict(expired)))


@functions_framework.cloud_event
def cluster_people(event: Any) -> None:
    """A photo reached a result, or the schedule asks: find out who is who in its album."""
    _start()
    clustering, projector = _people_clustering()
    try:
        message = parse_message(event.data)
        if "status" in message.attributes:
            clustering.photo_changed(parse_result_album(message))
            return
        full = wants_full_reconcile(message)
    except NotOurs as error:
        log.error("ignored: %s", error)
        return
    clustering.sweep(full=full)
    projector.sweep()


@functions_framework.cloud_event
def on_enrolment_finalized(event: Any) -> None:
    """A picture was uploaded to enrol somebody, or the schedule asks for those whose announcement was lost."""
    _start()
    from photofinish.application.people.enrolment import enrol, sweep

    cloud, pictures = app(), _pictures()
    try:
        message = parse_message(event.data)
        if "eventType" in message.attributes:
            picture = parse_object_finalized(message)
            enrol(picture, store=cloud.enrolment_pictures, enrolments=cloud.enrolments, pictures=pictures)
            return
        wants_full_reconcile(message)
    except NotOurs as error:
        log.info("ignored: %s", error)
        return
    before = datetime.now(UTC) - LOST_AFTER
    sweep(uploaded_before=before, store=cloud.enrolment_pictures, enrolments=cloud.enrolments, pictures=pictures)


@functions_framework.http
def api(request: Request) -> Response:
    """The JSON API: albums, photos, search, faces, people."""
    _start()
    from photofinish_functions.api.app import serve

    return serve(_api_app(), request)


@functools.cache
def _api_app() -> OpenAPI:
    # Imported here: event functions do not pay for the API.
    from photofinish_functions.api.app import make_app
    from photofinish_functions.api.request_ids import AddRequestId
    from photofinish_functions.api.services import DeployedServices

    for handler in logging.getLogger().handlers:
        handler.addFilter(AddRequestId())

    origins = ApiSettings.from_env().cors_origins
    return make_app(DeployedServices(app()), cors_origins=origins)


@functions_framework.http
def rekognition(request: Request) -> Response:
    """Amazon Rekognition's protocol, for AWS SDKs."""
    _start()
    from photofinish_functions.rekognition.serving import serve

    return serve(request, _rekognition_services())


@functools.cache
def _rekognition_services() -> RekognitionServices:
    # Imported here: event functions do not pay for it.
    from photofinish_functions.rekognition.services import DeployedServices

    return DeployedServices(app())


@functools.cache
def _start() -> None:
    log_json()


@functools.cache
def _people_clustering() -> tuple[PeopleClustering, PeopleProjector]:
    from photofinish.analysis.models.selection import known_calibrations
    from photofinish.application.people.clustering import PeopleClustering
    from photofinish.application.people.projection import PeopleProjector

    cloud = app()
    projector = PeopleProjector(cloud.people_projection, cloud.people_documents)
    calibrations = known_calibrations(model_settings())
    return PeopleClustering(cloud.clusters, calibrations, publish=projector.project_soon), projector


@functools.cache
def _pictures() -> Pictures:
    from photofinish_functions.api.services import DeployedServices

    return DeployedServices(app()).pictures


@functools.cache
def _worker_launcher() -> WorkerLauncher:
    cloud = app()
    return WorkerLauncher(
        documents=cloud.documents,
        leases=cloud.leases,
        launcher=cloud.launcher,
        max_tasks=cloud.settings.max_gpu_tasks,
        photos_per_task=cloud.settings.photos_per_task,
        launch_lease_s=cloud.settings.launch_lease_s,
    )

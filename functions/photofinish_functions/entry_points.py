"""The event functions as functions-framework calls them. An exception means: deliver it again, with back-off."""

from __future__ import annotations

import functools
import logging
from datetime import timedelta
from typing import Any

import functions_framework

from photofinish.logs import log_json
from photofinish.wiring import app
from photofinish_functions.dead_letters import record_dead_letter
from photofinish_functions.events import NotOurs, parse_message, parse_object_finalized
from photofinish_functions.ingest import ingest
from photofinish_functions.reconciling import reconcile as reconcile_bucket
from photofinish_functions.worker_launching import WorkerLauncher

log = logging.getLogger(__name__)


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
        message = parse_message(event.data)
    except NotOurs as error:
        log.error("ignored: %s", error)
        return
    cloud = app()
    record_dead_letter(message, documents=cloud.documents, events=cloud.events)


@functions_framework.cloud_event
def reconcile(event: Any) -> None:
    """On schedule: queue what the bucket holds and the records do not."""
    del event
    _start()
    cloud = app()
    reconcile_bucket(
        store=cloud.store,
        documents=cloud.documents,
        queue=cloud.queue,
        events=cloud.events,
        stale_after=timedelta(seconds=cloud.settings.stale_after_s),
    )


@functools.cache
def _start() -> None:
    log_json()


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

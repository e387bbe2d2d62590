"""What waits for analysis in all albums."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field

from photofinish.application.queue import Queue
from photofinish.domain.access import Scope
from photofinish.domain.photo import PhotoStatus
from photofinish.domain.running_tasks import RunningTask
from photofinish.ports import PhotoRecord
from photofinish.wiring import App
from photofinish_functions.api.guarding import audit, guarded
from photofinish_functions.api.schemas import Output, PhotoJson, Score, example, new_blueprint


class OldestJson(Output):
    """The photo that has been queued or processing longest."""

    photo: PhotoJson
    status: PhotoStatus
    since: datetime = Field(description="When its status last changed.")
    last_failure: str | None = Field(description="Why the last attempt at it failed, if one did.")

    @classmethod
    def of(cls, record: PhotoRecord) -> OldestJson:
        failure = record.fields.get("last_error")
        return cls(
            photo=PhotoJson.from_object(record.ref),
            status=record.status,
            since=record.fields["changed_at"],
            last_failure=None if failure is None else failure["message"],
        )


class StageJson(Output):
    stage: str = Field(json_schema_extra=example("decode"))
    photos: int = Field(description="Since the task began.")
    photos_per_s: Score = Field(description="Since the last report.")
    ms_per_photo: Score
    waiting: int | None = Field(description="Photos in front of this stage; null for parts of a stage.")


class TaskJson(Output):
    task: str
    reported_s_ago: Score
    retries: int = Field(
        description="Photos since the task began that were delivered to it again: an earlier attempt had no result."
    )
    stages: list[StageJson]

    @classmethod
    def of(cls, task: RunningTask) -> TaskJson:
        stages = [StageJson.model_validate(stage) for stage in task.stages]
        return cls(task=task.place, reported_s_ago=task.reported_s_ago, retries=task.retries, stages=stages)


class FailedJson(Output):
    code: str
    photos: int


class QueueJson(Output):
    at: datetime = Field(description="When this was read: at most 3 s ago.")
    outstanding: int = Field(description="Photos that are queued or processing.")
    oldest: OldestJson | None
    tasks: list[TaskJson] = Field(description="Analysis tasks that report, by name.")
    retries: int = Field(description="Of all these tasks.")
    photos_per_s: Score | None = Field(description="Results a second over the last two minutes; null without any.")
    ends_at: datetime | None = Field(description="When all will have results at this rate; null without a rate.")
    failed_last_day: list[FailedJson] = Field(
        description="Photos that were given up in the last 24 hours, by reason, most first."
    )

    @classmethod
    def of(cls, queue: Queue) -> QueueJson:
        failures = sorted(queue.failures.items(), key=lambda one: (-one[1], one[0]))
        return cls(
            at=queue.at,
            outstanding=queue.outstanding,
            oldest=None if queue.oldest is None else OldestJson.of(queue.oldest),
            tasks=[TaskJson.of(task) for task in queue.tasks],
            retries=queue.retries,
            photos_per_s=queue.results_per_s,
            ends_at=queue.ends_at,
            failed_last_day=[FailedJson(code=code, photos=photos) for code, photos in failures],
        )


def blueprint(services: App) -> APIBlueprint:
    api = new_blueprint("queue", "What waits for analysis.")

    @api.get("/queue", responses={200: QueueJson})
    @guarded(Scope.SEARCH, "show_queue")
    def show_queue() -> dict[str, Any]:
        """Show what waits for analysis in all albums, how fast it goes, and when it will be done."""
        queue = services.queue_reading.read()
        audit(count=queue.outstanding)
        return QueueJson.of(queue).model_dump(mode="json")

    return api

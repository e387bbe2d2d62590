"""What the routes that erase share: the parameter `originals`, the request, and its answer."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from pydantic import Field

from photofinish.domain.access import Scope
from photofinish.domain.erasure import Erasure, ErasureKind, ErasureTarget, Reason
from photofinish.errors import NotFound, Unavailable
from photofinish.logs import fields
from photofinish.wiring import App
from photofinish_functions.access.refusals import Forbidden
from photofinish_functions.api.guarding import principal
from photofinish_functions.api.schemas import Output, Parameters

log = logging.getLogger(__name__)


class Originals(Parameters):
    originals: bool = Field(
        False,
        description="Delete the originals from the photo bucket as well, in all versions; requires scope `admin`.",
    )


class ErasureJson(Output):
    """An erasure. Searches and documents show nothing of what it erases; objects in buckets go next."""

    erasure_id: str
    kind: ErasureKind
    album: str
    id: str = Field(description="Of the photo, face or person; of an album its name; of faces a digest of their ids.")
    reason: Reason
    started_at: datetime
    finished_at: datetime | None = Field(description="When no store had anything left; null until then.")
    removed: dict[str, dict[str, int]] = Field(description="What was removed so far: store → what → how many.")


def request_erasure(services: App, target: ErasureTarget, unknown: Exception) -> tuple[dict[str, Any], int]:
    """Begin an erasure, and return the answer; raises `unknown` where there is nothing to erase."""
    try:
        erasure = services.erasure_requests.request(target, reason=Reason.REQUEST)
    except NotFound:
        raise unknown from None
    try:
        services.retention_runs.finish_erasure(erasure.id)
    except Unavailable as error:
        log.warning("an erasure waits for the hourly run: %s", error, extra=fields(erasure_id=erasure.id))
    return erasure_json(erasure), 202


def with_originals(query: Originals, album: str) -> bool:
    if query.originals and not principal().may(Scope.ADMIN, album):
        raise Forbidden(principal())
    return query.originals


def erasure_json(erasure: Erasure) -> dict[str, Any]:
    target = erasure.target
    return ErasureJson(
        erasure_id=erasure.id,
        kind=target.kind,
        album=target.album,
        id=target.id,
        reason=erasure.reason,
        started_at=erasure.started_at,
        finished_at=erasure.finished_at,
        removed={store: dict(counts) for store, counts in erasure.removed.items()},
    ).model_dump(mode="json")

"""What each function uses when its code runs: adapters, clients, settings and models. No server is contacted.

Event functions are run. An HTTP function has too many routes to run here: what its package reads from `wiring.App` is
looked up in its text and then built.
"""

from __future__ import annotations

import base64
import functools
import inspect
import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from cloudevents.http import CloudEvent
from pydantic_settings import BaseSettings
from werkzeug.local import LocalProxy

from photofinish import settings as all_settings
from photofinish import wiring
from photofinish.adapters.memory.audit_anchors import MemoryAuditAnchors
from photofinish.adapters.memory.event_log import MemoryEventLog
from photofinish.adapters.memory.webhooks import MemoryWebhooks
from photofinish.analysis.models.face_encoder import FaceEncoder
from photofinish.analysis.models.label_space import LabelTexts
from photofinish.analysis.models.text_reader import TextReader
from photofinish.application.analysing_pictures import PictureAnalysis
from photofinish.application.pictures import Pictures
from photofinish.domain.erasure import Erasure, ErasureKind, ErasureTarget, Reason
from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.errors import RejectedInput
from photofinish.ports import Expired
from photofinish_cli.local_access import SECRETS
from photofinish_emulators.stack import StackSpec
from photofinish_functions import entry_points
from photofinish_functions.live import app as live_app
from support.pictures import encode, quadrants
from support.pipeline import MemoryCloud

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC).isoformat()
UPLOADED = {"eventType": "OBJECT_FINALIZE"}
OBJECT = {
    "bucket": "photos",
    "name": "race/person-1/upload-1",
    "generation": "1795236345493247",
    "size": "1234",
    "contentType": "image/jpeg",
    "timeCreated": NOW,
}
DONE = PhotoRef(bucket="photos", name="race/person-1/upload-1", generation=1)
RESULT = {"bucket": DONE.bucket, "name": DONE.name, "generation": DONE.generation, "status": "done"}
EVENTS: dict[str, list[tuple[object, dict[str, str]]]] = {
    "on_object_finalized": [(OBJECT, UPLOADED)],
    "launch_workers": [({}, {})],
    "on_dead_letter": [(OBJECT, UPLOADED)],
    "reconcile": [({}, {})],
    "expire": [(OBJECT, {"eventType": "OBJECT_ARCHIVE"}), ({"full": True}, {})],
    "cluster_people": [(RESULT, {"album": "race", "status": "done"}), ({}, {})],
    "record_events": [(RESULT, {"album": "race", "status": "done"})],
    "deliver_webhooks": [
        ({}, {"delivery_id": "1"}),
        ({}, {"subscription_id": "0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f"}),
        ({}, {}),
    ],
    "on_enrolment_finalized": [(OBJECT | {"bucket": "enrolments"}, UPLOADED), ({}, {})],
    "rescore_bibs": [({}, {})],
}
"""Data and attributes of the messages that make each event function run all its paths."""
CLIENTS = {"_firestore", "_storage_client", "_publisher"}
FUNCTIONS_PACKAGE = Path(entry_points.__file__).parent


@dataclass
class Use:
    """What one function used."""

    parts: set[str] = field(default_factory=set)
    """Properties of `wiring.App`, including those that others are built from."""
    settings: set[type[BaseSettings]] = field(default_factory=set)
    models: set[str] = field(default_factory=set)
    """Roles."""


def function_environment(local: StackSpec) -> dict[str, str]:
    """Variables under which every function can build its adapters; no server listens at the addresses."""
    return {
        **local.env,
        **{name: value for function in local.functions for name, value in function.env.items() if name in SECRETS},
        "GOOGLE_CLOUD_PROJECT": local.project,
        "DATABASE_URL": "postgresql://127.0.0.1:9/nowhere",
        "PUBSUB_EMULATOR_HOST": "127.0.0.1:9",
        "RUN_EMULATOR_HOST": "127.0.0.1:9",
    }


def use_of(entry_point: str, environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Use:
    """Run the function in this environment and record what it uses."""
    use = Use()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    _record_settings(use, monkeypatch)
    _record_parts(use, monkeypatch)
    _record_models(use, monkeypatch)
    monkeypatch.setattr(entry_points, "_start", lambda: None)  # pytest's own logging stays
    _forget()
    try:
        if entry_point in EVENTS:
            for data, attributes in EVENTS[entry_point]:
                getattr(entry_points, entry_point)(_event(data, attributes))
        else:
            _build_parts_named_in(FUNCTIONS_PACKAGE / entry_point)
    finally:
        _forget()
    return use


def _build_parts_named_in(package: Path) -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in package.rglob("*.py"))
    if package.name == "rekognition":
        entry_points._gate_for_signed()
    if package.name == "api":
        entry_points._gate()
        entry_points._api_app()
    if package.name == "live":
        live_app.for_pages()
        live_app.live_service.__wrapped__()
    for name in re.findall(r"\b(?:cloud|services)\.(\w+)", text):
        part = getattr(wiring.app(), name)
        if isinstance(part, Pictures):
            with suppress(RejectedInput):  # the double of the encoder finds no face
                part.person(encode(quadrants()))
        if isinstance(part, PictureAnalysis):
            wiring.app().analyzer  # noqa: B018 - loads what the first picture would


def _event(data: object, attributes: dict[str, str]) -> CloudEvent:
    message = {
        "data": base64.b64encode(json.dumps(data).encode()).decode(),
        "attributes": attributes,
        "publishTime": NOW,
    }
    kind = {"type": "google.cloud.pubsub.topic.v1.messagePublished", "source": "//pubsub.googleapis.com/"}
    return CloudEvent(kind, {"message": message})


def _record_settings(use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in vars(all_settings).values():
        if isinstance(kind, type) and issubclass(kind, BaseSettings) and kind is not BaseSettings:

            def read(kind: type[BaseSettings] = kind) -> BaseSettings:
                use.settings.add(kind)
                return kind()

            monkeypatch.setattr(kind, "from_env", read)


def _record_parts(use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    doubles = _doubles()
    for name, member in inspect.getmembers_static(wiring.App):
        if not isinstance(member, functools.cached_property):
            continue

        def get(app: wiring.App, name: str = name, build: Callable[[Any], object] = member.func) -> object:
            use.parts.add(name)
            part = MagicMock() if name in CLIENTS else build(app)  # an adapter connects on first use, which never comes
            is_adapter = type(part).__module__.startswith("photofinish.adapters")
            return doubles.get(name, MagicMock() if is_adapter else part)

        monkeypatch.setattr(wiring.App, name, property(get))


def _record_models(use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTOFINISH_LABEL_SEARCH", "1")
    for loader, roles in (
        (FaceEncoder, {"face_detection", "face_embedding"}),
        (TextReader, {"text_detection", "text_recognition"}),
        (LabelTexts, {"sentence_embedding", "word_pieces"}),
    ):

        def load(*_: object, roles: set[str] = roles) -> MagicMock:
            use.models |= roles
            return MagicMock()

        monkeypatch.setattr(loader, "load", load)


def _doubles() -> dict[str, object]:
    cloud = MemoryCloud()
    cloud.documents.record_final(DONE, PhotoStatus.DONE, {})
    nothing_expired = MagicMock()
    nothing_expired.expire.return_value = Expired(audit_entries=0, rate_windows=0, signatures=0, found_faces=0)
    audit = MagicMock()
    audit.settled_upto.return_value = 0
    clusters = MagicMock()
    clusters.exclusively.return_value.__enter__.return_value = False
    bib_rescoring, bib_projection = MagicMock(), MagicMock()
    bib_rescoring.waiting.return_value = ["race"]
    bib_rescoring.exclusively.return_value.__enter__.return_value = True
    bib_rescoring.outdated.return_value = []
    bib_projection.pending_albums.return_value = ["race"]
    bib_projection.pending.return_value = []
    enrolments = MagicMock()
    enrolments.awaited.return_value.person_id = "person-1"
    people_projection = MagicMock()
    people_projection.pending.return_value = {}
    erasures = MagicMock()
    target = ErasureTarget(kind=ErasureKind.FACE, album="race", id="face-1")
    erasures.unfinished.return_value = ["0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f"]
    erasures.exclusively.return_value.__enter__.return_value = True
    erasures.get.return_value = Erasure(
        id="0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f",
        target=target,
        reason=Reason.REQUEST,
        started_at=datetime.now(UTC),
    )
    log = MemoryEventLog()
    webhooks = MemoryWebhooks(log)
    pictures = MagicMock()
    pictures.read.return_value = encode(quadrants())
    return {
        "store": cloud.store,
        "derived": cloud.store,
        "documents": cloud.documents,
        "queue": cloud.queue,
        "events": cloud.events,
        "leases": cloud.leases,
        "launcher": cloud.launcher,
        "_storage_client": MagicMock(api_endpoint="https://storage.googleapis.com"),
        "access": nothing_expired,
        "audit": audit,
        "audit_anchors": MemoryAuditAnchors(),
        "clusters": clusters,
        "bib_rescoring": bib_rescoring,
        "bib_projection": bib_projection,
        "enrolments": enrolments,
        "erasures": erasures,
        "people_projection": people_projection,
        "enrolment_pictures": pictures,
        "event_log": log,
        "webhooks": webhooks,
        "webhook_deliveries": webhooks.deliveries,
    }


def _forget() -> None:
    for function in [wiring.app, *vars(entry_points).values()]:
        if not isinstance(function, LocalProxy) and hasattr(function, "cache_clear"):
            function.cache_clear()

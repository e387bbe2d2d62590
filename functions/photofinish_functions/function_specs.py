"""The deployed functions: the list that servers, the local cloud and the tests of Terraform and docs go by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from photofinish.settings import (
    AccessSettings,
    AdmissionSettings,
    ApiSettings,
    DatabaseSettings,
    EnvironmentSettings,
    LinkSettings,
    ModelEnvironment,
    NotificationSettings,
    NotifyingSettings,
    PageSettings,
    ReceiptSettings,
    RetentionSettings,
    Settings,
    SignedAccessSettings,
    WebhookSettings,
)

READY_PATH = "/ready"
"""Asked by Cloud Run's startup probe (terraform/modules/function-service) and by the local cloud before any request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSpec:
    """One function."""

    name: str
    """Name of its Cloud Run service."""
    entry_point: str
    """Name of the Python function in `entry_points.py`."""
    signature: Literal["cloudevent", "http"]
    """Called by Pub/Sub, or by clients over HTTP."""
    settings: tuple[type[EnvironmentSettings], ...]
    """Classes of settings that it reads from its environment."""
    models: tuple[str, ...] = ()
    """Roles of the models that it runs."""


_FACES = ("face_detection", "face_embedding")
_TEXT = ("text_detection", "text_recognition")
_SENTENCES = ("sentence_embedding", "word_pieces")
"""Only where label search is on."""

FUNCTIONS = (
    FunctionSpec(
        name="on-object-finalized", entry_point="on_object_finalized", signature="cloudevent", settings=(Settings,)
    ),
    FunctionSpec(name="launch-workers", entry_point="launch_workers", signature="cloudevent", settings=(Settings,)),
    FunctionSpec(name="on-dead-letter", entry_point="on_dead_letter", signature="cloudevent", settings=(Settings,)),
    FunctionSpec(name="reconcile", entry_point="reconcile", signature="cloudevent", settings=(Settings,)),
    FunctionSpec(
        name="expire",
        entry_point="expire",
        signature="cloudevent",
        settings=(Settings, DatabaseSettings, ReceiptSettings, RetentionSettings),
    ),
    FunctionSpec(
        name="cluster-people",
        entry_point="cluster_people",
        signature="cloudevent",
        settings=(Settings, DatabaseSettings, ModelEnvironment),
    ),
    FunctionSpec(
        name="record-events", entry_point="record_events", signature="cloudevent", settings=(Settings, DatabaseSettings)
    ),
    FunctionSpec(
        name="deliver-webhooks",
        entry_point="deliver_webhooks",
        signature="cloudevent",
        settings=(Settings, DatabaseSettings, WebhookSettings, NotifyingSettings),
    ),
    FunctionSpec(
        name="on-enrolment-finalized",
        entry_point="on_enrolment_finalized",
        signature="cloudevent",
        settings=(Settings, DatabaseSettings, ModelEnvironment),
        models=_FACES,
    ),
    FunctionSpec(
        name="rescore-bibs", entry_point="rescore_bibs", signature="cloudevent", settings=(Settings, DatabaseSettings)
    ),
    FunctionSpec(
        name="api",
        entry_point="api",
        signature="http",
        settings=(
            *(Settings, DatabaseSettings, ModelEnvironment),
            *(AccessSettings, ApiSettings, PageSettings, LinkSettings, WebhookSettings, NotificationSettings),
        ),
        models=(*_FACES, *_TEXT, *_SENTENCES),
    ),
    FunctionSpec(
        name="live",
        entry_point="live",
        signature="http",
        settings=(Settings, DatabaseSettings, AdmissionSettings, ApiSettings),
    ),
    FunctionSpec(
        name="rekognition",
        entry_point="rekognition",
        signature="http",
        settings=(Settings, DatabaseSettings, ModelEnvironment, SignedAccessSettings),
        models=(*_FACES, *_TEXT),
    ),
)

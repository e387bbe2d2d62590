"""The entry points of all functions, in one module as functions-framework requires."""

import os

from photofinish_functions.entry_points import (
    api,
    cluster_people,
    deliver_webhooks,
    expire,
    launch_workers,
    live,
    on_dead_letter,
    on_enrolment_finalized,
    on_object_finalized,
    reconcile,
    record_events,
    rekognition,
    rescore_bibs,
)
from photofinish_functions.starting import refuse_shared_secrets, refuse_wrong_models

__all__ = [
    "api",
    "cluster_people",
    "deliver_webhooks",
    "expire",
    "launch_workers",
    "live",
    "on_dead_letter",
    "on_enrolment_finalized",
    "on_object_finalized",
    "reconcile",
    "record_events",
    "rekognition",
    "rescore_bibs",
]

# Set only in a function's server; any other import has no effect.
if "FUNCTION_TARGET" in os.environ:
    refuse_shared_secrets(os.environ["FUNCTION_TARGET"])
    refuse_wrong_models(os.environ["FUNCTION_TARGET"])

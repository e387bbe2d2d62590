"""The entry points of all functions: functions-framework wants one module."""

import os

from photofinish_functions.entry_points import (
    api,
    cluster_people,
    expire,
    launch_workers,
    on_dead_letter,
    on_enrolment_finalized,
    on_object_finalized,
    reconcile,
    rekognition,
)
from photofinish_functions.starting import refuse_wrong_models

__all__ = [
    "api",
    "cluster_people",
    "expire",
    "launch_workers",
    "on_dead_letter",
    "on_enrolment_finalized",
    "on_object_finalized",
    "reconcile",
    "rekognition",
]

# Only a server says in its environment which function it is: for whoever else imports this, nothing happens.
if "FUNCTION_TARGET" in os.environ:
    refuse_wrong_models(os.environ["FUNCTION_TARGET"])

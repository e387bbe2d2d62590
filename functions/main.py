"""The entry points of all functions: functions-framework wants one module."""

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

"""The entry points of all functions: functions-framework wants one module."""

from photofinish_functions.entry_points import (
    api,
    expire,
    launch_workers,
    on_dead_letter,
    on_object_finalized,
    reconcile,
    rekognition,
)

__all__ = [
    "api",
    "expire",
    "launch_workers",
    "on_dead_letter",
    "on_object_finalized",
    "reconcile",
    "rekognition",
]

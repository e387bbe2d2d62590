"""The entry points of all functions: functions-framework wants one module."""

from photofinish_functions.entry_points import (
    api,
    expire,
    find_by_bib,
    find_by_selfie,
    launch_workers,
    on_dead_letter,
    on_object_finalized,
    reconcile,
)

__all__ = [
    "api",
    "expire",
    "find_by_bib",
    "find_by_selfie",
    "launch_workers",
    "on_dead_letter",
    "on_object_finalized",
    "reconcile",
]

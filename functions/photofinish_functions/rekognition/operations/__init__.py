"""All supported operations of the protocol."""

from __future__ import annotations

from typing import Final

from photofinish_functions.rekognition.operations import collections, detection, faces, search, users

OPERATIONS: Final = (
    collections.OPERATIONS | faces.OPERATIONS | search.OPERATIONS | detection.OPERATIONS | users.OPERATIONS
)
"""Name → operation."""

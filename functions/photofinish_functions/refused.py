"""The error with which HTTP functions refuse a request."""

from __future__ import annotations

from collections.abc import Mapping

from photofinish.errors import PhotofinishError


class Refused(PhotofinishError):
    """Answer the request with this error: its sender can correct it.

    `code` is stable and for programs; `message` tells people what to do.
    """

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}

"""The one exception by which HTTP functions say no."""

from __future__ import annotations

from collections.abc import Mapping


class Refused(Exception):
    """The request is answered with an error that its sender can do something about.

    `code` is stable and for programs, `message` for people.
    """

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}

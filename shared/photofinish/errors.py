"""One exception hierarchy; its types say what the caller should do, its messages what happened and how to go on."""

from __future__ import annotations


class PhotofinishError(Exception):
    """Anything photofinish raises on purpose."""


class RejectedInput(PhotofinishError):
    """Retrying cannot help: acknowledge, and record why.

    ``code`` is stable and for programs (``not_a_picture``); ``message`` is a sentence that a photographer understands.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class PhotoGone(RejectedInput):
    """The object was deleted or overwritten since its event: a newer event tells of what is there now."""


class Unavailable(PhotofinishError):
    """Failed for now: propagate, so that the message is delivered again."""


class Misconfigured(PhotofinishError):
    """Something must be set or installed before this can run; the message names all of it."""


class NotFound(PhotofinishError):
    """What was asked for does not exist."""


class Conflict(PhotofinishError):
    """What is there contradicts it, so nothing was changed. ``code`` is for programs; the message says what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

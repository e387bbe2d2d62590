"""One exception hierarchy: the type says what the caller does about it, the message what happened and how to go on."""

from __future__ import annotations


class PhotofinishError(Exception):
    """Every exception that photofinish raises on purpose derives from this one."""


class RejectedInput(PhotofinishError):
    """Retrying cannot help: acknowledge, and record why.

    ``code`` is stable and for programs (``not_a_picture``); ``message`` is a sentence that a photographer understands.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class PhotoGone(RejectedInput):
    """The object was deleted or overwritten after its event. Acknowledge: a newer event reports what is there now."""


class NotOurs(PhotofinishError):
    """The message requires no action here: log it and acknowledge it."""


class Unavailable(PhotofinishError):
    """A temporary failure: propagate, so that the message is delivered again, or answer 503."""


class GpuRefused(Unavailable):
    """Cloud Run refuses GPUs for quota: start tasks without GPU, or try again later."""


class Misconfigured(PhotofinishError):
    """Stop: something must be set or installed first. The message names all of it."""


class InvalidQuery(PhotofinishError):
    """A search cannot be run as requested: answer 422. The message says what to change."""


class NotFound(PhotofinishError):
    """The requested thing does not exist: answer 404."""

    code = "not_found"
    """Stable, for programs."""


class Conflict(PhotofinishError):
    """The change contradicts the current state, and nothing was changed: answer 409.

    ``code`` is stable and for programs; ``message`` says what to do.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

"""Whether a picture was taken of a living person who is there, and not of a screen or a print."""

from __future__ import annotations

from typing import Protocol


class LivenessCheck(Protocol):
    """A model that recognises pictures of pictures. None is shipped: docs/consent.md says why."""

    def is_live(self, picture: bytes) -> bool:
        """Whether the encoded picture shows a living person rather than a picture of one.

        Raises:
            RejectedInput: it cannot be decoded.
        """
        ...

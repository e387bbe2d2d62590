"""Whether pictures that speak for a person are checked for being of a living one."""

from __future__ import annotations

from enum import StrEnum


class Liveness(StrEnum):
    """What is known of a picture by which a person enrols or opts out."""

    NOT_CHECKED = "not_checked"
    """The deployment has no check: anyone with a photo of a person can send it."""
    CHECKED = "checked"
    """A picture of a screen or a print is refused."""

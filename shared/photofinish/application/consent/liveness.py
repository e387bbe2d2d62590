"""Refuse pictures of pictures, where the deployment has a check for that."""

from __future__ import annotations

from photofinish.domain.liveness import Liveness
from photofinish.errors import RejectedInput
from photofinish.ports import LivenessCheck


def liveness_of(check: LivenessCheck | None) -> Liveness:
    return Liveness.NOT_CHECKED if check is None else Liveness.CHECKED


def require_live(picture: bytes, check: LivenessCheck | None) -> None:
    """Accept any picture where there is no check.

    Raises:
        RejectedInput: `not_live`; or the picture cannot be decoded.
    """
    if check is not None and not check.is_live(picture):
        raise RejectedInput("not_live", "The picture shows a screen or a print. Take one of the person themselves.")

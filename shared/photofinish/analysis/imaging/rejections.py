"""Rejections that decoders of several formats make."""

from __future__ import annotations

from photofinish.analysis.imaging.formats import Format
from photofinish.errors import RejectedInput


def cut_off(kind: Format, missing: str = "its end is missing") -> RejectedInput:
    """Make the rejection of a file whose picture is not all there."""
    return RejectedInput(
        "cut_off", f"The {kind.value} file is incomplete: {missing}. Upload it again from the original."
    )


def damaged(kind: Format, why: str) -> RejectedInput:
    """Make the rejection of a file whose picture cannot be decoded."""
    return RejectedInput(
        "damaged", f"The {kind.value} file is damaged ({why[:200]}). Upload it again from the original."
    )

"""Which way up a picture is, where its file leaves that in doubt: faces decide, else text."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from photofinish.analysis.imaging.decoded import DecodedPhoto, upright
from photofinish.analysis.imaging.resizing import fit_within
from photofinish.domain.photo_warning import PhotoWarning, WarningCode

# Faces and lines that show which way is up are large enough at this size.
_LONGEST_SIDE = 1600
# One way up has to show this many times as much as the other.
_DECISIVE_RATIO = 1.5


class Evidence(Protocol):
    """How much of what is upright in photos is found in pictures."""

    def __call__(self, images: list[NDArray[np.uint8]], /) -> list[float]:
        """Return a weight for each (H, W, 3) BGR image; 0 if nothing was found."""
        ...


def settled(photo: DecodedPhoto, *evidence: Evidence) -> DecodedPhoto:
    """Turn a picture of doubtful orientation as its EXIF says, if the first evidence that shows anything says so.

    By the standard, EXIF does not turn HEIF pictures. Some phones rely on it all the same; some programs turn the
    pixels and leave the EXIF. A warning tells what was done, or that nothing shows which is right.
    """
    if photo.doubtful_orientation == 1:
        return photo
    turned = upright(photo.image, photo.doubtful_orientation)
    views = [fit_within(image, _LONGEST_SIDE) for image in (photo.image, turned)]
    for find in evidence:
        as_stored, as_exif_says = find(views)
        if as_exif_says > as_stored * _DECISIVE_RATIO:
            return _turned(photo, turned)
        if as_stored > as_exif_says * _DECISIVE_RATIO:
            return replace(photo, doubtful_orientation=1)
    message = "The file says in two places how the photo was held, and they differ. It may be shown sideways."
    warning = PhotoWarning(code=WarningCode.MAYBE_SIDEWAYS, message=message)
    return replace(photo, doubtful_orientation=1, warnings=(*photo.warnings, warning))


def _turned(photo: DecodedPhoto, image: NDArray[np.uint8]) -> DecodedPhoto:
    info = photo.info
    if photo.doubtful_orientation >= 5:
        info = replace(info, width=info.height, height=info.width)
    warning = PhotoWarning(
        code=WarningCode.TURNED_BY_EXIF,
        message="The photo was turned as its EXIF says, because its faces or text are upright then. "
        "Other programs may show it sideways.",
    )
    return replace(photo, image=image, info=info, doubtful_orientation=1, warnings=(*photo.warnings, warning))

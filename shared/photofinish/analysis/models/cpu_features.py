"""The processor feature that decides which form of a model runs."""

from __future__ import annotations

import functools
import platform

_AVX_512_VNNI = 23  # the feature's number in OpenCV's cvdef.h


@functools.cache
def multiplies_int8_exactly() -> bool:
    """Whether sums of products of 8-bit integers are exact here, so that `int8` models give the tested results.

    x86 processors without VNNI add pairs of products in 16 bits, which overflow. They run the float models.
    """
    if platform.machine().lower() not in {"x86_64", "amd64"}:
        return True
    import cv2  # here, because listing models does not need it

    return bool(cv2.checkHardwareSupport(_AVX_512_VNNI))

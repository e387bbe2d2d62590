"""What the processor can do that decides which form of a model runs on it."""

from __future__ import annotations

import functools
import platform

_AVX_512_VNNI = 23  # as OpenCV's cvdef.h numbers processor features


@functools.cache
def multiplies_int8_exactly() -> bool:
    """Whether sums of products of 8-bit integers are exact here, so that `int8` models find what they were checked for.

    x86 processors before VNNI add pairs of products in 16 bits, which overflow. They run the float models.
    """
    if platform.machine().lower() not in {"x86_64", "amd64"}:
        return True
    import cv2  # here, because who only lists models does without

    return bool(cv2.checkHardwareSupport(_AVX_512_VNNI))

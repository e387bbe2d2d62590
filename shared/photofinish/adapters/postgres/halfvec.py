"""Read what `halfvec_send` returns: the dimension, an unused number, the values; two bytes each, big-endian."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_HEAD = 2


def stored_rows(sent: Sequence[bytes], dimension: int) -> NDArray[np.float32]:
    """(N, D) vectors as they are stored: half precision leaves them about unit length. N may be 0."""
    rows = np.frombuffer(b"".join(sent), ">f2").reshape(len(sent), _HEAD + dimension)
    return rows[:, _HEAD:].astype(np.float32)


def unit_rows(sent: Sequence[bytes]) -> NDArray[np.float32]:
    """(N, D) vectors of one dimension, brought back to unit length; N is at least 1."""
    rows = stored_rows(sent, len(sent[0]) // 2 - _HEAD)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def unit_vector(sent: bytes) -> NDArray[np.float32]:
    """(D,) vector, brought back to unit length."""
    vector: NDArray[np.float32] = unit_rows([sent])[0]
    return vector

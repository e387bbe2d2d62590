"""SFace: 128 numbers that tell people apart (Zhong et al., "SFace: sigmoid-constrained hypersphere loss", 2021)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from photofinish.analysis.models.batching import batch_size
from photofinish.analysis.models.session import Session

DIMENSIONS = 128


class FaceEmbedder:
    """Turns aligned chips into embeddings."""

    def __init__(self, session: Session, space: str) -> None:
        self._session = session
        self._batch = batch_size(session, large=64, small=4)
        self.space = space

    def embed(self, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(N, 112, 112, 3) BGR chips → (N, 128) float32 rows of unit length, in order; N may be 0."""
        rows = [np.zeros((0, DIMENSIONS), np.float32)]
        for start in range(0, len(chips), self._batch):
            rgb = chips[start : start + self._batch, :, :, ::-1]
            batch = np.ascontiguousarray(rgb.transpose(0, 3, 1, 2), np.float32)
            (output,) = self._session.run(batch).values()
            rows.append(output / np.linalg.norm(output, axis=1, keepdims=True))
        return np.concatenate(rows)

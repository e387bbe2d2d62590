"""Face embedding models: numbers by which people are told apart.

SFace (Zhong et al., "SFace: sigmoid-constrained hypersphere loss", 2021) takes chips as they are, ArcFace (Deng et al.,
"ArcFace: additive angular margin loss for deep face recognition", 2018) takes (chip - 127.5) / 127.5.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from photofinish.analysis.models.batching import batch_size
from photofinish.analysis.models.session import Session

SFACE_DIMENSIONS = 128


class FaceEmbedder:
    """Makes embeddings of aligned chips. Threads may share it."""

    def __init__(
        self,
        session: Session,
        space: str,
        *,
        dimensions: int = SFACE_DIMENSIONS,
        mean: float = 0.0,
        scale: float = 1.0,
        batch: int | None = None,
    ) -> None:
        """Chips are normalised to (chip - mean) / scale; `batch` is the batch size of a file that fixes it."""
        self._session = session
        self._dimensions = dimensions
        self._mean, self._scale = np.float32(mean), np.float32(scale)
        self._batch = batch or batch_size(session, large=64, small=4)
        self.space = space
        """Name of the embedding space."""

    def embed(self, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(N, 112, 112, 3) BGR chips → (N, D) float32 rows of unit length, in order; N may be 0."""
        rows = [np.zeros((0, self._dimensions), np.float32)]
        for start in range(0, len(chips), self._batch):
            rgb = chips[start : start + self._batch, :, :, ::-1].transpose(0, 3, 1, 2)
            batch = (np.ascontiguousarray(rgb, np.float32) - self._mean) / self._scale
            (output,) = self._session.run(batch).values()
            rows.append(output / np.linalg.norm(output, axis=1, keepdims=True))
        return np.concatenate(rows)

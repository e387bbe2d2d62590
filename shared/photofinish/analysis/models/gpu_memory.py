"""How much of a GPU's memory each model may take, and in which shapes it runs, so that a task never runs out of it.

ONNX Runtime gives every model its own arena, which keeps what it has taken: over photos of many shapes the arenas grow
until the GPU is full (onnxruntime issues 13500 and 14474, immich issue 31675). Three things keep them small: a limit
for each arena, batches padded to a few sizes, and giving back what is unused after a shape that was not seen before.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

# For the CUDA contexts, kernels and handles of all threads, and TensorRT's engines; they are outside of the arenas.
RESERVED_BYTES = 2 * 2**30
# By the largest inputs (tensorrt_shapes.py), of which a few threads run at once.
_SHARES = {"face_detection": 0.25, "face_embedding": 0.10, "text_detection": 0.30, "text_recognition": 0.20}
# At most two models run beside these: an operator's for bibs, and the one that says what a picture shows.
_OTHER_SHARE = 0.075
# What ONNX Runtime, CUDA and cuDNN say when memory is used up.
_OUT_OF_MEMORY = ("Failed to allocate memory", "is smaller than requested bytes", "out of memory", "ALLOC_FAILED")

Run = Callable[[NDArray[np.float32], bool], dict[str, NDArray[np.float32]]]
"""`run(batch, shrinks)` runs a model, then gives back unused memory of its arena if `shrinks`."""


def arena_limit(memory_bytes: int, role: str | None) -> int:
    """Bytes that the arena of the model for `role` may take of a GPU; None is an operator's model."""
    free = max(0, memory_bytes - RESERVED_BYTES)
    return int(free * _SHARES.get(role or "", _OTHER_SHARE))


def padded_count(count: int) -> int:
    """Return the size of the batch that `count` inputs run in: the next power of two."""
    return 1 << max(0, count - 1).bit_length()


def padded(batch: NDArray[np.float32]) -> NDArray[np.float32]:
    """Add zeros to a (N, …) batch up to its padded size; a batch of a padded size is returned as it is."""
    count = padded_count(len(batch))
    if count == len(batch):
        return batch
    larger = np.zeros((count, *batch.shape[1:]), batch.dtype)
    larger[: len(batch)] = batch
    return larger


def is_out_of_memory(message: str) -> bool:
    """Whether an error of the runtime says that the GPU, or the arena, has too little memory."""
    return any(words in message for words in _OUT_OF_MEMORY)


class BoundedArena:
    """Runs a model on a GPU in padded batches, and keeps its arena small. Threads may share it."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._seen: set[tuple[int, ...]] = set()
        self._lock = threading.Lock()

    def run(self, batch: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """As :meth:`photofinish.analysis.models.session.Session.run`.

        If memory is used up, it gives back what is unused, which needs a run, and runs the batch once more.
        """
        inputs = padded(batch)
        try:
            outputs = self._run(inputs, self._is_new(inputs.shape))
        except Exception as error:
            if not is_out_of_memory(str(error)):
                raise
            self._run(np.zeros(self._smallest(), np.float32), True)
            outputs = self._run(inputs, True)
        if len(inputs) == len(batch):
            return outputs
        return {name: values[: len(batch)] for name, values in outputs.items()}

    def _is_new(self, shape: tuple[int, ...]) -> bool:
        """Whether this shape is run for the first time: cuDNN plans for it anyway, so that giving back costs little."""
        with self._lock:
            new = shape not in self._seen
            self._seen.add(shape)
        return new

    def _smallest(self) -> tuple[int, ...]:
        """The shape seen so far that needs the least memory: it runs in what larger ones left."""
        with self._lock:
            return min(self._seen, key=math.prod)

"""Reads the tensors of a PyTorch file without PyTorch and without running what the file says.

The file is of the form before PyTorch 1.6: four pickles (a magic number, a protocol number, system facts, the state
dictionary), one with the keys of the storages, then each storage as a count of 8 bytes and its numbers
(`_legacy_load` in torch/serialization.py).
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from photofinish.errors import Misconfigured

_TYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}
_COUNT = np.dtype("<i8")


class _Tensor(NamedTuple):
    key: str
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


class _Tensors(pickle.Unpickler):
    """Makes places of tensors from a state dictionary; any other name that the pickle asks for is refused."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.types: dict[str, np.dtype[Any]] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild
        if module == "torch" and name in _TYPES:
            return _TYPES[name]
        raise Misconfigured(f"A PyTorch file with {module}.{name} is not read: only plain tensors are.")

    def persistent_load(self, pid: Any) -> str:
        _, dtype, key, *_ = pid
        self.types[key] = dtype
        return str(key)


def read_tensors(content: bytes) -> dict[str, NDArray[Any]]:
    """Return the tensors of a state dictionary, by name.

    Raises:
        Misconfigured: the file holds anything but plain tensors.
    """
    file = io.BytesIO(content)
    for _ in range(3):
        _Tensors(file).load()
    reader = _Tensors(file)
    places: dict[str, _Tensor] = reader.load()
    keys: list[str] = _Tensors(file).load()
    storages = {}
    for key in keys:
        count = int(np.frombuffer(file.read(_COUNT.itemsize), _COUNT)[0])
        dtype = reader.types[key]
        storages[key] = np.frombuffer(file.read(count * dtype.itemsize), dtype)
    return {name: _array(storages[place.key], place) for name, place in places.items()}


def _rebuild(
    key: str, offset: int, shape: Sequence[int], stride: Sequence[int], requires_grad: bool, hooks: object
) -> _Tensor:
    del requires_grad, hooks
    return _Tensor(key, offset, tuple(shape), tuple(stride))


def _array(storage: NDArray[Any], place: _Tensor) -> NDArray[Any]:
    strides = [step * storage.itemsize for step in place.stride]
    view = np.lib.stride_tricks.as_strided(storage[place.offset :], place.shape, strides, writeable=False)
    return np.ascontiguousarray(view).reshape(place.shape)

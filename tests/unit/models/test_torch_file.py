"""PyTorch's files are read as tensors, and run nothing."""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

from photofinish.analysis.models import torch_file
from photofinish.analysis.models.torch_file import read_tensors
from photofinish.errors import Misconfigured


class Named:
    """Pickles as a name of a module that is not installed."""

    def __init__(self, name: str) -> None:
        self.name = name


class Writer(pickle._Pickler):  # type: ignore[name-defined,misc]
    """Writes names without importing them, and storages as PyTorch does."""

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        if isinstance(obj, Named):
            module, _, name = obj.name.rpartition(".")
            self.write(b"c" + f"{module}\n{name}\n".encode())
        else:
            super().save(obj, save_persistent_id)

    def persistent_id(self, obj: Any) -> Any:
        return obj if isinstance(obj, tuple) and obj and obj[0] == "storage" else None


class Tensor:
    def __init__(self, key: str, shape: tuple[int, ...], stride: tuple[int, ...], offset: int = 0) -> None:
        self.arguments = (
            ("storage", Named("torch.FloatStorage"), key, "cpu", 6),
            *(offset, shape, stride, False, OrderedDict()),
        )

    def __reduce__(self) -> Any:
        return _Rebuild(), self.arguments


class _Rebuild(Named):
    def __init__(self, name: str = "torch._utils._rebuild_tensor_v2") -> None:
        super().__init__(name)

    def __call__(self) -> None: ...


def written(state: dict[str, Any], storage: list[float]) -> bytes:
    file = io.BytesIO()
    for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, state, ["0"]):
        Writer(file, protocol=2).dump(value)
    return file.getvalue() + np.int64(len(storage)).tobytes() + np.array(storage, "<f4").tobytes()


def test_tensors_are_read_by_shape_stride_and_offset() -> None:
    state = {
        "whole": Tensor("0", (2, 3), (3, 1)),
        "turned": Tensor("0", (3, 2), (1, 3)),
        "end": Tensor("0", (2,), (1,), 4),
    }
    found = read_tensors(written(state, [0, 1, 2, 3, 4, 5]))
    assert found["whole"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["turned"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert found["end"].tolist() == [4, 5]


@pytest.mark.parametrize("name", ["os.system", "builtins.eval", "torch.nn.Linear", "collections.deque"])
def test_any_other_name_is_refused(name: str) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return _Rebuild(name), ("true",)

    with pytest.raises(Misconfigured, match=f"{name} is not read"):
        read_tensors(written({"weight": Evil()}, []))


def test_the_names_that_are_read_are_few() -> None:
    assert set(torch_file._TYPES) == {"FloatStorage", "LongStorage"}

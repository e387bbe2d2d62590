"""Make a double fail, or watch its calls: ``fail_once(cloud.index.replace, Unavailable("the database restarts"))``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import MethodType
from typing import Any, cast


def before_call(method: Callable[..., Any], act: Callable[..., object]) -> None:
    """Call `act` with the arguments before each call of this object's `method`; where it raises, nothing is called."""
    bound = cast(MethodType, method)

    @functools.wraps(bound.__func__)
    def call(_: object, *args: Any, **kwargs: Any) -> Any:
        act(*args, **kwargs)
        return method(*args, **kwargs)

    setattr(bound.__self__, bound.__name__, MethodType(call, bound.__self__))


def fail_once(method: Callable[..., Any], error: Exception) -> None:
    """Raise `error` from the next call of this object's `method`, which then does nothing else."""
    errors = [error]

    def act(*_: object, **__: object) -> None:
        if errors:
            raise errors.pop()

    before_call(method, act)

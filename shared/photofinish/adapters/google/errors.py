"""Translate errors of Google's clients into ours, in one place."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import requests
from google.api_core import exceptions
from google.auth import exceptions as auth_errors

from photofinish.errors import Unavailable

P = ParamSpec("P")
R = TypeVar("R")

TRANSIENT = (
    exceptions.ServerError,  # 5xx: unavailable, deadline exceeded, internal
    exceptions.Aborted,
    exceptions.TooManyRequests,
    exceptions.RetryError,
    auth_errors.TransportError,
    requests.exceptions.ConnectionError,
    requests.exceptions.Timeout,
)


def unavailable_when_transient(call: Callable[P, R]) -> Callable[P, R]:
    """Raise :class:`Unavailable` instead of transient errors; other errors pass unchanged.

    Decorates functions and generator functions.
    """
    if inspect.isgeneratorfunction(call):

        @functools.wraps(call)
        def generator(*args: P.args, **kwargs: P.kwargs) -> R:
            def items() -> object:
                try:
                    yield from call(*args, **kwargs)
                except TRANSIENT as error:
                    raise _unavailable(call.__qualname__, error) from error

            return items()  # type: ignore[return-value]

        return generator

    @functools.wraps(call)
    def function(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return call(*args, **kwargs)
        except TRANSIENT as error:
            raise _unavailable(call.__qualname__, error) from error

    return function


def _unavailable(what: str, error: Exception) -> Unavailable:
    return Unavailable(f"{what} failed for now: {type(error).__name__}: {error}")

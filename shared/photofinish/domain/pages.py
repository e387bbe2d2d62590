"""Cut streams into pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")


def pages(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield up to `size` items at a time."""
    iterator = iter(items)
    while page := list(islice(iterator, size)):
        yield page

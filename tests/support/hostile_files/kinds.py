"""What one bad file is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HostileFile:
    """A file that a photographer's folder, or an attacker, may contain."""

    kind: str
    """What is bad about it, as a row of the table."""
    name: str
    """Says which one it is."""
    make: Callable[[], bytes]
    is_heavy: bool = False
    """Making or decoding it takes seconds, or hundreds of megabytes."""

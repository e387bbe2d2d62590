"""A secret of the deployment that is replaced without a break: for a while its old and its new value are both valid."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

MIN_CHARS = 32
MAX_VERSIONS = 2


@dataclass(frozen=True, slots=True)
class SecretVersions:
    """One or two values of a secret. The first makes new tokens, links and credentials; those of both are accepted."""

    accepted: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse one value, or two with a comma between them.

        Raises:
            ValueError: a value is too short, or there are more than two, or twice the same; without the values.
        """
        values = [value.strip() for value in text.split(",")]
        if len(values) > MAX_VERSIONS:
            raise ValueError(f"has {len(values)} values: write one, or two with a comma between them")
        if any(len(value) < MIN_CHARS for value in values):
            raise ValueError(f"needs {MIN_CHARS} characters or more in each value")
        if len(set(values)) < len(values):
            raise ValueError("has the same value twice")
        return cls(tuple(value.encode() for value in values))

    @property
    def current(self) -> bytes:
        """The value that makes what is new."""
        return self.accepted[0]

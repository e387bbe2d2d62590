"""What a check is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from photofinish_cli.preflight.findings import Finding
from photofinish_cli.preflight.google_apis import GoogleApis
from photofinish_cli.preflight.needs import Needs


@dataclass(frozen=True, slots=True)
class Check:
    """Asks what it needs, and leaves the decision to a pure function over the answers."""

    name: str
    """Of its row where it could not ask."""
    run: Callable[[GoogleApis, Needs], Iterable[Finding]]
    """Raises CouldNotAsk where an API refused."""

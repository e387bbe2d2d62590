"""What a check found out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How something stands."""

    READY = "ready"
    NOTE = "note"
    """Good to know; the deployment works without doing anything."""
    UNKNOWN = "could not be checked"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of the report."""

    check: str
    """What was checked: `APIs`, `quota of L4 GPUs`."""
    state: State
    what: str
    """What is there, or why it could not be found out."""
    mend: tuple[str, ...] = ()
    """Commands to copy, or sentences, that put it right; empty where there is nothing to do."""


def ready(check: str, what: str) -> Finding:
    """A finding that all is well."""
    return Finding(check, State.READY, what)


def note(check: str, what: str, *mend: str) -> Finding:
    """A finding that the deployment does not depend on."""
    return Finding(check, State.NOTE, what, mend)


def unknown(check: str, what: str, *mend: str) -> Finding:
    """A finding that something could not be checked."""
    return Finding(check, State.UNKNOWN, what, mend)


def missing(check: str, what: str, *mend: str) -> Finding:
    """A finding that the deployment fails without a change."""
    return Finding(check, State.MISSING, what, mend)


def worst(findings: Iterable[Finding]) -> State:
    """The state that decides: missing before not checked before ready; notes count as ready."""
    states = {finding.state for finding in findings}
    return next((state for state in (State.MISSING, State.UNKNOWN) if state in states), State.READY)

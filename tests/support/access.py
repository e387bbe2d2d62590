"""Keys, settings and requests for tests of the gate."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask, Request, request

from photofinish.adapters.postgres.access import PgAccessStore
from photofinish.adapters.postgres.database import Database
from photofinish.domain.access import ApiKey, AuditEntry, AwsCredentials, PresentedKey, Reading, Scope
from photofinish.settings import SignedAccessSettings
from photofinish_functions.access.gate import Gate

AWS_KEY_SECRET = "a test's secret for AWS credentials"
TOKEN_SECRET = "a test's secret for tokens and links"
PEPPER = "a test's pepper of 32 characters or more"
SECRETS = {
    "PHOTOFINISH_WEBHOOK_KEY": "w" * 32,
    "PHOTOFINISH_AWS_KEY_SECRET": AWS_KEY_SECRET,
    "PHOTOFINISH_TOKEN_SECRET": TOKEN_SECRET,
    "PHOTOFINISH_PEPPER": PEPPER,
}
"""By environment variable."""


@contextmanager
def pg_access(conninfo: str, **options: Any) -> Iterator[PgAccessStore]:
    made = Database(conninfo, **options)
    try:
        yield PgAccessStore(made)
    finally:
        made.close()


def stored_key(presented: PresentedKey, **changes: Any) -> ApiKey:
    """A valid key for all albums that may search."""
    key = ApiKey(
        key_id=presented.key_id,
        secret_sha256=presented.secret_sha256,
        label="test",
        scope=Scope.SEARCH,
        albums=None,
        rate=None,
        created_at=datetime.now(UTC) - timedelta(days=1),
        expires_at=None,
    )
    return replace(key, **changes)


def new_key(store: PgAccessStore, **changes: Any) -> PresentedKey:
    """A new key in `store`."""
    presented = PresentedKey.generate()
    assert store.add_key(stored_key(presented, **changes))
    return presented


def audit_entry(**changes: Any) -> AuditEntry:
    """The entry of a search; the store sets its time."""
    entry = AuditEntry(
        principal="key",
        principal_id="k",
        action="search",
        album="race",
        target=None,
        outcome="200",
        request_id="r",
        count=3,
        network="203.0.113.0/24",
    )
    return replace(entry, **changes)


def aws_credentials(presented: PresentedKey, secret: str = AWS_KEY_SECRET) -> AwsCredentials:
    return AwsCredentials.of(presented.key_id, secret.encode())


def settings(**variables: str) -> SignedAccessSettings:
    return SignedAccessSettings(**SECRETS | variables)


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@functools.cache
def _app() -> Flask:
    return Flask("test")


@contextmanager
def http_request(path: str = "/", *, address: str = "192.0.2.1", **options: Any) -> Iterator[Request]:
    """A Flask request, as a view sees it."""
    environ = {"REMOTE_ADDR": address}
    with _app().test_request_context(path, environ_base=environ, **options):
        yield request


def with_key(key: PresentedKey | str) -> dict[str, str]:
    return {"X-Api-Key": key if isinstance(key, str) else key.text}


def admit(
    gate: Gate,
    scope: Scope,
    album: str | None,
    headers: dict[str, str],
    *,
    cost: int = 1,
    reading: Reading = Reading.ALL,
    **options: Any,
) -> Any:
    with http_request(headers=headers, **options) as made:
        return gate.admit(made, scope, album, cost=cost, reading=reading)

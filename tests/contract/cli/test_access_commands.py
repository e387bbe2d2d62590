"""`photofinish keys` and `photofinish audit`, as people and scripts use them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from photofinish.adapters.postgres.access import PgAccessStore
from photofinish.domain.access import AwsCredentials, PresentedKey, Scope
from photofinish_cli.commands import keys
from photofinish_cli.commands.audit import audit
from photofinish_cli.output import ExitCode
from photofinish_cli.times import parse_duration, parse_since
from photofinish_functions.access.gate import Gate
from photofinish_functions.access.refusals import Unauthorized
from support.access import AWS_KEY_SECRET, admit, aws_credentials, pg_access, settings, with_key

app = typer.Typer()
app.add_typer(keys.app)
app.command()(audit)


@pytest.fixture
def store(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[PgAccessStore]:
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setenv("PHOTOFINISH_PHOTO_BUCKET", "photos")  # the environment names a deployment
    monkeypatch.setenv("PHOTOFINISH_AWS_KEY_SECRET", f"{AWS_KEY_SECRET},{'the one before ' * 3}")
    monkeypatch.delenv("PHOTOFINISH_STATE_DIR", raising=False)
    with pg_access(database) as made:
        yield made


def run(*arguments: str, ends: ExitCode = ExitCode.OK) -> Result:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == ends, result.stderr
    return result


def in_json(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json").stdout)


def test_a_created_key_is_admitted_and_its_secret_is_stored_nowhere(store: PgAccessStore) -> None:
    created = run("keys", "create", "--label", "app", "--album", "race", "--expires", "30d")
    key = PresentedKey.parse(created.stdout.strip())  # nothing but the key: $(photofinish keys create …)
    assert key is not None
    (stored,) = store.list_keys()
    assert (stored.key_id, stored.label, stored.scope, stored.albums) == (key.key_id, "app", Scope.SEARCH, {"race"})
    assert stored.expires_at is not None
    assert abs(stored.expires_at - datetime.now(UTC) - timedelta(days=30)) < timedelta(minutes=1)
    assert admit(Gate(store, settings()), Scope.SEARCH, "race", with_key(key)).id == key.key_id
    for output in (run("keys", "list").output, run("keys", "list", "--json").output):
        assert key.secret not in output
        assert stored.secret_sha256.hex() not in output
        assert key.key_id in output


def test_only_a_key_that_was_created_for_it_may_use_vectors(store: PgAccessStore) -> None:
    run("keys", "create", "--label", "backend", "--all-albums", "--scope", "admin")
    run("keys", "create", "--label", "matching", "--album", "race", "--vectors")
    assert {key.label: key.may_use_vectors for key in store.list_keys()} == {"backend": False, "matching": True}
    listed = {key["label"]: key["vectors"] for key in in_json("keys", "list")}
    assert listed == {"backend": False, "matching": True}


def test_everything_about_a_key_can_be_said(store: PgAccessStore) -> None:
    created = in_json(
        "keys", "create", "--label", "Ünal's backend", "--album", "a", "--album", "b c", "--scope", "write",
        "--rate", "0.5/7", "--expires", "never", "--aws",
    )  # fmt: skip
    key = PresentedKey.parse(created["key"])
    assert key is not None
    pair = aws_credentials(key)
    assert created["aws"] == {"access_key_id": pair.access_key_id, "secret_access_key": pair.secret_access_key}
    (listed,) = in_json("keys", "list")
    assert listed == {name: value for name, value in created.items() if name not in {"key", "aws"}}
    assert listed["albums"] == ["a", "b c"]
    assert (listed["scope"], listed["rate"], listed["expires_at"], listed["state"]) == ("write", "0.5/7", None, "valid")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--label", "x"],
        ["--label", "x", "--album", "a", "--all-albums"],
        ["--label", "x", "--album", "*"],
        ["--label", "", "--all-albums"],
        ["--label", "\x1b[31m", "--all-albums"],
        ["--label", "x", "--album", "a/b"],
        ["--label", "x", "--album", "race\0"],
        ["--label", "x", "--all-albums", "--scope", "root"],
        ["--label", "x", "--all-albums", "--expires", "soon"],
        ["--label", "x", "--all-albums", "--expires", "0d"],
        ["--label", "x", "--all-albums", "--rate", "fast"],
        ["--label", "x", "--all-albums", "--rate", "0/5"],
        ["--label", "x", "--all-albums", "--hash", "abc"],
        ["--all-albums"],
    ],
)
def test_what_cannot_be_meant_creates_nothing(store: PgAccessStore, arguments: list[str]) -> None:
    run("keys", "create", *arguments, ends=ExitCode.USAGE)
    assert store.list_keys() == []


def test_a_key_made_elsewhere_is_registered_by_its_hash_as_often_as_one_likes(store: PgAccessStore) -> None:
    made = in_json("keys", "generate", "--aws")
    assert store.list_keys() == []
    for _ in range(2):
        created = run("keys", "create", "--label", "backend", "--all-albums", "--hash", made["hash"])
        assert created.stdout == ""
    assert len(store.list_keys()) == 1
    assert admit(Gate(store, settings()), Scope.SEARCH, None, with_key(made["key"]))
    assert (
        made["aws"]["secret_access_key"] == AwsCredentials.of(made["key_id"], AWS_KEY_SECRET.encode()).secret_access_key
    )
    other = in_json("keys", "generate")["hash"].partition(":")[2]
    run(
        "keys",
        "create",
        "--label",
        "x",
        "--all-albums",
        "--hash",
        f"{made['key_id']}:{other}",
        ends=ExitCode.FOUND_WRONG,
    )


def test_a_revoked_key_is_refused(store: PgAccessStore) -> None:
    made = in_json("keys", "create", "--label", "x", "--all-albums")
    assert in_json("keys", "revoke", made["key_id"]) == {"key_id": made["key_id"], "revoked": True}
    with pytest.raises(Unauthorized):
        admit(Gate(store, settings()), Scope.SEARCH, "race", with_key(made["key"]))
    assert in_json("keys", "list")[0]["state"] == "revoked"
    run("keys", "revoke", made["key"])  # the whole key, pasted
    for unknown in ("a" * 16, "unknown", "'; DROP TABLE api_key; --"):
        assert "no key" in run("keys", "revoke", unknown, ends=ExitCode.FOUND_WRONG).stderr
    assert len(store.list_keys()) == 1


def test_without_their_secret_there_are_no_aws_credentials(
    store: PgAccessStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHOTOFINISH_AWS_KEY_SECRET", "too short")
    result = run("keys", "create", "--label", "x", "--all-albums", "--aws", ends=ExitCode.MISCONFIGURED)
    assert "PHOTOFINISH_AWS_KEY_SECRET" in result.stderr
    assert "too short" not in result.stderr
    assert store.list_keys() == []


def test_the_audit_is_shown_by_album_and_time(store: PgAccessStore) -> None:
    key = in_json("keys", "create", "--label", "x", "--all-albums")
    gate = Gate(store, settings())
    principal = admit(gate, Scope.SEARCH, "race", with_key(key["key"]))
    gate.record(principal, "search", album="race", outcome="200", request_id="r1", count=2)
    gate.record(principal, "delete_person", album="wedding", target="p1", outcome="404 unknown_person", request_id="r2")
    lines = [json.loads(line) for line in run("audit", "--json").stdout.splitlines()]
    assert [line["request_id"] for line in lines] == ["r1", "r2"]
    assert lines[0]["principal_id"] == key["key_id"]
    assert (lines[0]["count"], lines[1]["target"]) == (2, "p1")
    assert "r2" in run("audit", "--album", "wedding").stdout
    assert "r1" not in run("audit", "--album", "wedding").stdout
    tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M}"
    assert run("audit", "--since", tomorrow, "--json").stdout == ""
    run("audit", "--since", "long ago", ends=ExitCode.USAGE)


@given(st.integers(1, 999_999), st.sampled_from("smhdw"))
def test_durations_are_read_as_they_are_written(number: int, unit: str) -> None:
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}[unit]
    assert parse_duration(f"{number}{unit}") == timedelta(seconds=number * seconds)


def test_a_time_is_utc_unless_it_says_otherwise() -> None:
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert parse_since("2h", now) == now - timedelta(hours=2)
    assert parse_since("2026-05-01", now) == datetime(2026, 5, 1, tzinfo=UTC)
    assert parse_since("2026-05-01T10:00+02:00", now) == datetime(2026, 5, 1, 8, tzinfo=UTC)
    for nonsense in ("", "1", "d", "-1d", "1.5d", "9999999d", "tomorrow"):
        with pytest.raises(ValueError, match="write a time"):
            parse_since(nonsense, now)

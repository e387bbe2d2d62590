"""API keys: which requests are admitted, which are refused, and what refusals reveal."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from photofinish.adapters.postgres.access import PgAccessStore
from photofinish.domain.access import AlbumAccess, ApiKey, PresentedKey, Principal, RateLimit, Scope
from photofinish_functions.access.api_keys import KEEP_S, ApiKeys
from photofinish_functions.access.gate import Gate
from photofinish_functions.access.refusals import Forbidden, NotVisible, RateLimited, Unauthorized
from photofinish_functions.refused import Refused
from support.access import PEPPER, SECRETS, Clock, admit, http_request, new_key, settings, stored_key, with_key
from support.examples import examples

SLOW = RateLimit(per_second=0.001, burst=3)


def answer_to(call: Callable[[], Any]) -> tuple[int, str, str, dict[str, str]]:
    """Everything that the answer to a refused request contains."""
    with pytest.raises(Refused) as refused:
        call()
    refusal = refused.value
    return refusal.status, refusal.code, refusal.message, dict(refusal.headers)


def is_admitted(gate: Gate, key: PresentedKey) -> bool:
    try:
        admit(gate, Scope.SEARCH, "race", with_key(key))
    except Unauthorized:
        return False
    return True


def test_a_key_is_accepted_in_either_header(gate: Gate, store: PgAccessStore) -> None:
    key = new_key(store, albums=frozenset({"race"}))
    expected = Principal("key", key.key_id, Scope.SEARCH, frozenset({"race"}))
    for headers in (
        {"X-Api-Key": key.text},
        {"Authorization": f"Bearer {key.text}"},
        {"Authorization": f"bearer  {key.text} "},
        # Google's own token, which a private Cloud Run service requires.
        {"X-Api-Key": key.text, "Authorization": "Bearer eyJhbGciOiJSUzI1NiJ9.e30.SIGNATURE_REMOVED_BY_GOOGLE"},
    ):
        assert admit(gate, Scope.SEARCH, "race", headers) == expected


def test_there_is_no_open_mode(gate: Gate) -> None:
    for headers in (
        {},
        {"X-Api-Key": ""},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic x:y"},
    ):
        with pytest.raises(Unauthorized):
            admit(gate, Scope.SEARCH, "race", headers)


def test_unknown_wrong_revoked_and_expired_keys_get_the_same_answer(
    gate: Gate, store: PgAccessStore, clock: Clock
) -> None:
    good = new_key(store)
    revoked, expired = new_key(store), new_key(store, expires_at=clock.now)
    store.revoke_key(revoked.key_id)
    presented = [
        "nonsense",
        PresentedKey.generate().text,
        replace(good, secret=PresentedKey.generate().secret).text,
        good.text + "a",
        good.text.upper(),
        revoked.text,
        expired.text,
    ]
    answers = [answer_to(lambda text=text: admit(gate, Scope.SEARCH, "race", with_key(text))) for text in presented]
    assert answers[0][0] == 401
    assert all(answer == answers[0] for answer in answers)
    assert admit(gate, Scope.SEARCH, "race", with_key(good))


def test_a_key_ends_at_its_expiry(gate: Gate, store: PgAccessStore, clock: Clock) -> None:
    key = new_key(store, expires_at=clock.now + timedelta(seconds=60))
    clock.advance(59.9)
    assert admit(gate, Scope.SEARCH, "race", with_key(key))
    clock.advance(0.1)
    with pytest.raises(Unauthorized):
        admit(gate, Scope.SEARCH, "race", with_key(key))


def test_a_revoked_key_is_soon_refused_by_an_instance_that_has_just_used_it(store: PgAccessStore) -> None:
    assert KEEP_S <= 10
    gate = Gate(store, settings(), keep_s=0.1)
    key = new_key(store, rate=RateLimit(per_second=1e6, burst=1000))
    assert admit(gate, Scope.SEARCH, "race", with_key(key))
    store.revoke_key(key.key_id)
    deadline = time.monotonic() + 10
    while is_admitted(gate, key):
        assert time.monotonic() < deadline, "a revoked key is still taken after 10 s"


def test_the_cache_of_keys_expires(store: PgAccessStore, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[str] = []
    monkeypatch.setattr(store, "find_key", looked_up.append)
    monkeypatch.setattr("photofinish_functions.access.api_keys._MAX_KEPT", 2)
    keys = ApiKeys(store, now=lambda: datetime.now(UTC), keep_s=3600)
    for key_id in ("a", "a", "b", "c", "c", "a"):
        assert keys.with_id(key_id) is None
    assert looked_up == ["a", "b", "c", "a"]


@pytest.mark.parametrize("known", [True, False])
def test_a_wrong_secret_costs_what_an_unknown_id_costs(
    store: PgAccessStore, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same queries, hash and comparison, whether or not the id is known."""
    presented = replace(new_key(store), secret=PresentedKey.generate().secret) if known else PresentedKey.generate()
    calls: list[str] = []
    find_key = store.find_key

    def counted(key_id: str) -> ApiKey | None:
        calls.append("look-up")
        return find_key(key_id)

    def compared(here: bytes, there: bytes) -> bool:
        calls.append(f"comparison of {len(here)} with {len(there)} bytes")
        return here == there

    monkeypatch.setattr(store, "find_key", counted)
    monkeypatch.setattr("photofinish_functions.access.api_keys.hmac.compare_digest", compared)
    gate = Gate(store, settings())
    for _ in range(2):
        with pytest.raises(Unauthorized):
            admit(gate, Scope.SEARCH, "race", with_key(presented))
    assert calls == ["look-up", "comparison of 32 with 32 bytes", "comparison of 32 with 32 bytes"]


def test_an_album_outside_the_key_is_answered_like_an_unknown_one(gate: Gate, store: PgAccessStore) -> None:
    key = new_key(store, scope=Scope.WRITE, albums=frozenset({"race"}))
    store.set_album_access("wedding", AlbumAccess(users_may_search=True))  # it exists, and others may see it
    names = ["wedding", "nothing here", "..", "a/b", "\0", "", "x" * 300, "' OR 1=1 --"]
    for scope in Scope:
        answers = [answer_to(lambda name=name, scope=scope: admit(gate, scope, name, with_key(key))) for name in names]
        assert answers[0][:2] == (404, "unknown_album")
        assert all(answer == answers[0] for answer in answers)


def test_an_action_beyond_the_scope_in_a_visible_album_is_forbidden(gate: Gate, store: PgAccessStore) -> None:
    key = new_key(store, scope=Scope.WRITE, albums=frozenset({"race"}))
    assert admit(gate, Scope.SEARCH, "race", with_key(key))
    assert admit(gate, Scope.WRITE, "race", with_key(key))
    with pytest.raises(Forbidden):
        admit(gate, Scope.ADMIN, "race", with_key(key))
    with pytest.raises(Forbidden):  # all albums
        admit(gate, Scope.SEARCH, None, with_key(key))
    assert admit(gate, Scope.SEARCH, None, with_key(new_key(store)))


def test_a_request_about_no_album_requires_only_the_scope(gate: Gate, store: PgAccessStore) -> None:
    key = new_key(store, scope=Scope.WRITE, albums=frozenset({"race"}))
    with http_request(headers=with_key(key)) as request:
        assert gate.admit_anywhere(request, Scope.SEARCH).albums == {"race"}
        assert gate.admit_anywhere(request, Scope.WRITE).albums == {"race"}
        with pytest.raises(Forbidden):
            gate.admit_anywhere(request, Scope.ADMIN)
    with http_request() as request, pytest.raises(Unauthorized):
        gate.admit_anywhere(request, Scope.SEARCH)


@given(
    st.sampled_from(list(Scope)), st.sampled_from(list(Scope)), st.sets(st.sampled_from("abc")), st.sampled_from("abcd")
)
def test_a_scope_includes_lower_scopes_and_an_album_only_itself(
    held: Scope, required: Scope, albums: set[str], album: str
) -> None:
    order = [Scope.SEARCH, Scope.WRITE, Scope.ADMIN]
    enough = order.index(held) >= order.index(required)
    some, every = Principal("key", "k", held, frozenset(albums)), Principal("key", "k", held, None)
    assert some.may(required, album) == (enough and album in albums)
    assert every.may(required, album) == every.may(required, None) == enough
    assert not some.may(required, None)


def test_a_key_has_its_own_rate_or_that_of_its_scope(store: PgAccessStore) -> None:
    gate = Gate(store, settings(PHOTOFINISH_SEARCH_RATE="0.001/2"))
    usual, own = new_key(store), new_key(store, rate=SLOW)
    for key, burst in ((usual, 2), (own, 3)):
        for _ in range(burst):
            admit(gate, Scope.SEARCH, "race", with_key(key))
        with pytest.raises(RateLimited) as limited:
            admit(gate, Scope.SEARCH, "race", with_key(key))
        assert limited.value.status == 429
        assert 990 <= int(limited.value.headers["Retry-After"]) <= 1000


def test_two_instances_share_the_rate_of_a_key(store: PgAccessStore) -> None:
    key = new_key(store, rate=SLOW)
    here, there = Gate(store, settings()), Gate(store, settings())
    for gate in (here, there, here):
        admit(gate, Scope.SEARCH, "race", with_key(key))
    with pytest.raises(RateLimited):
        admit(there, Scope.SEARCH, "race", with_key(key))


def test_a_costly_request_counts_as_several(gate: Gate, store: PgAccessStore) -> None:
    key = new_key(store, rate=SLOW)
    admit(gate, Scope.SEARCH, "race", with_key(key), cost=2)
    with pytest.raises(RateLimited):
        admit(gate, Scope.SEARCH, "race", with_key(key), cost=2)


def test_guessing_album_names_is_rate_limited(gate: Gate, store: PgAccessStore) -> None:
    key = new_key(store, rate=SLOW, albums=frozenset({"race"}))
    for name in "abc":
        with pytest.raises(NotVisible):
            admit(gate, Scope.SEARCH, name, with_key(key))
    with pytest.raises(RateLimited):
        admit(gate, Scope.SEARCH, "race", with_key(key))


def test_failures_are_limited_per_address_without_affecting_others(store: PgAccessStore) -> None:
    gate = Gate(store, settings(PHOTOFINISH_FAILURE_RATE="0.001/3"))
    wrong = with_key(PresentedKey.generate())
    another_instance = Gate(store, settings(PHOTOFINISH_FAILURE_RATE="0.001/3"))

    def wait_s(gate: Gate, **request: str) -> int:
        with pytest.raises(Unauthorized) as refused:  # and not RateLimited: the key is wrong, however often it is sent
            admit(gate, Scope.SEARCH, "race", wrong, **request)
        return int(refused.value.headers.get("Retry-After", 0))

    assert [wait_s(gate) for _ in range(3)] == [0, 0, 0]
    assert 990 <= wait_s(gate) <= 1000
    assert 990 <= wait_s(another_instance) <= 1000
    assert wait_s(gate, address="192.0.2.2") == 0
    assert admit(gate, Scope.SEARCH, "race", with_key(new_key(store)))  # a valid key from the same address


def test_failures_are_counted_on_while_the_pepper_is_replaced(store: PgAccessStore) -> None:
    def wait_s(pepper: str) -> int:
        gate = Gate(store, settings(PHOTOFINISH_FAILURE_RATE="0.001/2", PHOTOFINISH_PEPPER=pepper))
        with pytest.raises(Unauthorized) as refused:
            admit(gate, Scope.SEARCH, "race", with_key(PresentedKey.generate()))
        return int(refused.value.headers.get("Retry-After", 0))

    assert [wait_s(PEPPER) for _ in range(2)] == [0, 0]
    assert wait_s(f"{'n' * 32},{PEPPER}") > 0
    assert wait_s("o" * 32) == 0  # without the old value counts start again: hence two


def test_a_flood_of_failures_queries_the_database_once(store: PgAccessStore, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(store, settings(PHOTOFINISH_FAILURE_RATE="0.001/1"))
    taken: list[str] = []
    take = store.take
    monkeypatch.setattr(
        store, "take", lambda bucket, *args, **options: taken.append(bucket) or take(bucket, *args, **options)
    )
    for _ in range(10):
        with pytest.raises(Refused):
            admit(gate, Scope.SEARCH, "race", {})
    assert len(taken) == 2  # one was admitted, one returned how long to wait
    assert "192.0.2.1" not in taken[0]


def test_the_use_of_a_key_is_recorded_hourly(gate: Gate, store: PgAccessStore, clock: Clock) -> None:
    key = new_key(store)
    admit(gate, Scope.SEARCH, "race", with_key(key))
    stored = store.find_key(key.key_id)
    assert stored is not None
    assert stored.last_used_at == clock.now


def test_an_audit_entry_names_principal_and_action(gate: Gate, store: PgAccessStore) -> None:
    key = new_key(store)
    principal = admit(gate, Scope.SEARCH, "race", with_key(key))
    gate.record(principal, "search", album="race", target="p1", outcome="200", request_id="r1", count=7)
    (found,) = store.audit_entries()
    assert (found.principal, found.principal_id, found.action, found.album) == ("key", key.key_id, "search", "race")
    assert (found.target, found.outcome, found.request_id, found.count) == ("p1", "200", "r1", 7)


def test_no_secret_is_in_a_repr_a_log_or_the_database(
    gate: Gate, store: PgAccessStore, caplog: pytest.LogCaptureFixture, database: str
) -> None:
    caplog.set_level(logging.DEBUG)
    key = new_key(store, albums=frozenset({"race"}), rate=SLOW)
    stored = stored_key(key)
    for album in ("race", "wedding", "race", "race"):
        try:
            admit(gate, Scope.SEARCH, album, with_key(key))
        except Refused:
            continue
    with pytest.raises(Unauthorized):
        admit(gate, Scope.SEARCH, "race", with_key(replace(key, secret=key.secret[::-1])))
    seen = "\n".join([repr(key), repr(stored), repr(settings()), repr(gate), caplog.text])
    seen += "".join(str(getattr(record, "fields", "")) for record in caplog.records)
    with psycopg.connect(database) as conn:
        for table in ("api_key", "audit_entry", "rate_window", "seen_signature"):
            seen += str(conn.execute(f"SELECT * FROM {table}").fetchall())
    for secret in (key.secret, key.secret[::-1], stored.secret_sha256.hex(), *SECRETS.values()):
        assert secret not in seen.replace(repr(stored.secret_sha256), "")


@hypothesis_settings(max_examples=examples(50))
@given(st.text(st.characters(min_codepoint=1, max_codepoint=255, exclude_characters="\r\n"), max_size=200))
def test_an_arbitrary_header_is_never_admitted(gate: Gate, text: str) -> None:
    for headers in ({"X-Api-Key": text}, {"Authorization": text}, {"Authorization": f"Bearer {text}"}):
        with pytest.raises(Unauthorized):
            admit(gate, Scope.SEARCH, "race", headers)


@given(st.builds(PresentedKey.generate))
def test_a_key_survives_formatting_and_parsing(key: PresentedKey) -> None:
    assert PresentedKey.parse(key.text) == key
    assert len(key.secret) == 52  # 256 bits of five each

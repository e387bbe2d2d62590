"""What :class:`photofinish.ports.AccessStore` promises, kept by its implementation in a real Postgres."""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from photofinish.adapters.postgres.access import PgAccessStore
from photofinish.adapters.postgres.database import Database
from photofinish.domain.access import AlbumAccess, AuditFilter, KeyState, PresentedKey, RateLimit, Scope
from photofinish.errors import Misconfigured
from photofinish.ports import ALIKE_WITHIN_S
from support.access import audit_entry, new_key, pg_access, stored_key
from support.examples import examples

SLOW = RateLimit(per_second=0.001, burst=5)


@pytest.fixture
def store(database: str) -> Iterator[PgAccessStore]:
    with pg_access(database) as made:
        yield made


def at_once(count: int, call: Callable[[], object]) -> list[object]:
    """What `count` calls at the same moment return."""
    barrier = threading.Barrier(count)

    def run(_: int) -> object:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(run, range(count)))


def test_a_stored_key_is_returned_unchanged(store: PgAccessStore) -> None:
    moment = datetime(2026, 5, 1, 12, tzinfo=UTC)
    key = stored_key(
        PresentedKey.generate(),
        scope=Scope.WRITE,
        albums=frozenset({"a", "b,{}\"'"}),
        rate=RateLimit(per_second=0.5, burst=7),
        expires_at=moment,
    )
    assert store.find_key(key.key_id) is None
    assert store.add_key(key)
    assert store.find_key(key.key_id) == key


def test_a_key_id_cannot_be_used_twice(store: PgAccessStore) -> None:
    key = stored_key(PresentedKey.generate())
    assert store.add_key(key)
    assert not store.add_key(replace(key, label="another", secret_sha256=b"x" * 32))
    assert store.find_key(key.key_id) == key


def test_keys_are_listed_oldest_first(store: PgAccessStore) -> None:
    now = datetime.now(UTC)
    for age in (1, 3, 2):
        new_key(store, label=str(age), created_at=now - timedelta(days=age))
    assert [key.label for key in store.list_keys()] == ["3", "2", "1"]


def test_revoking_again_keeps_the_first_time(store: PgAccessStore) -> None:
    key_id = new_key(store).key_id
    assert store.revoke_key(key_id)
    first = store.find_key(key_id)
    assert first is not None
    assert first.revoked_at is not None
    assert store.revoke_key(key_id)
    assert store.find_key(key_id) == first
    assert not store.revoke_key("a" * 16)


@pytest.mark.parametrize("later", ["NULL", "now() + interval '1 year'"])
def test_no_statement_revives_a_key(store: PgAccessStore, database: str, later: str) -> None:
    key_id = new_key(store).key_id
    store.revoke_key(key_id)
    with psycopg.connect(database) as owner, pytest.raises(psycopg.errors.RaiseException, match="was revoked"):
        owner.execute(f"UPDATE api_key SET revoked_at = {later}")
    key = store.find_key(key_id)
    assert key is not None
    assert key.state(datetime.now(UTC)) is KeyState.REVOKED


def test_the_use_of_a_key_is_recorded_to_the_hour(store: PgAccessStore) -> None:
    key_id = new_key(store).key_id
    noon = datetime(2026, 5, 1, 12, tzinfo=UTC)
    for minutes, expected in ((0, 0), (59, 0), (61, 61), (30, 61)):
        store.touch_key(key_id, noon + timedelta(minutes=minutes))
        key = store.find_key(key_id)
        assert key is not None
        assert key.last_used_at == noon + timedelta(minutes=expected)


def test_after_a_burst_the_next_request_waits_for_one_token(store: PgAccessStore) -> None:
    limit = RateLimit(per_second=0.001, burst=3)  # so slow that the time of the calls does not matter
    assert [store.take("key:a", limit) for _ in range(3)] == [0, 0, 0]
    assert 900 < store.take("key:a", limit) <= 1000
    assert store.take("key:b", limit) == 0


def test_a_refused_request_takes_no_tokens(store: PgAccessStore) -> None:
    limit = RateLimit(per_second=0.001, burst=1)
    assert store.take("key:a", limit) == 0
    waits = [store.take("key:a", limit) for _ in range(20)]
    assert all(900 < wait <= 1000 for wait in waits)
    assert waits == sorted(waits, reverse=True)


def test_tokens_are_refilled_at_the_rate(store: PgAccessStore) -> None:
    limit = RateLimit(per_second=20, burst=1)
    assert store.take("key:a", limit) == 0
    deadline = time.monotonic() + 5
    while (wait_s := store.take("key:a", limit)) > 0:
        assert time.monotonic() < deadline, "a token of a bucket of 20 a second did not grow back in 5 s"
        assert wait_s <= 0.05


def test_a_costly_request_takes_its_cost_and_never_more_than_a_burst(store: PgAccessStore) -> None:
    assert store.take("key:a", SLOW, cost=4) == 0
    assert store.take("key:a", SLOW, cost=2) > 0
    assert store.take("key:a", SLOW, cost=1) == 0
    assert store.take("key:b", SLOW, cost=1000) == 0
    assert store.take("key:b", SLOW) > 0


def test_all_instances_share_one_rate_limit(database: str) -> None:
    limit = RateLimit(per_second=0.001, burst=20)
    with pg_access(database, max_connections=4) as here, pg_access(database, max_connections=4) as there:
        waits = at_once(8, lambda: [store.take("key:a", limit) for store in (here, there) for _ in range(10)])
    admitted = sum(wait == 0 for some in waits for wait in some)  # type: ignore[attr-defined]
    assert admitted == 20


@hypothesis_settings(max_examples=examples(30))
@given(st.lists(st.integers(1, 6), max_size=12), st.integers(1, 10))
def test_concurrent_requests_are_admitted_up_to_the_burst(store: PgAccessStore, costs: list[int], burst: int) -> None:
    limit = RateLimit(per_second=1e-6, burst=burst)
    bucket, left = str(uuid.uuid4()), burst
    for cost in costs:
        fits = min(cost, burst) <= left
        assert (store.take(bucket, limit, cost=cost) == 0) == fits
        left -= min(cost, burst) if fits else 0


def test_a_signature_is_new_at_only_one_of_many_instances(store: PgAccessStore) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=5)
    found = at_once(4, lambda: store.remember_signature(b"s" * 32, b"1", soon))
    assert sorted(found) == [False, False, False, True]  # type: ignore[type-var]
    assert store.remember_signature(b"t" * 32, b"1", soon)


def test_another_nonce_is_accepted_only_at_the_same_moment(store: PgAccessStore, database: str) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=5)
    assert store.remember_signature(b"s" * 32, b"1", soon)
    assert store.remember_signature(b"s" * 32, b"2", soon)
    assert not store.remember_signature(b"s" * 32, b"2", soon)
    with psycopg.connect(database) as conn:
        conn.execute("UPDATE seen_signature SET seen_at = seen_at - %s * interval '1 second'", [ALIKE_WITHIN_S])
    assert not store.remember_signature(b"s" * 32, b"3", soon)


def test_expired_signatures_are_forgotten(store: PgAccessStore, database: str) -> None:
    now = datetime.now(UTC)
    for number in range(50):
        assert store.remember_signature(f"old {number}".encode(), b"", now - timedelta(seconds=1))
    for number in range(30):
        assert store.remember_signature(f"new {number}".encode(), b"", now + timedelta(minutes=5))
    with psycopg.connect(database) as conn:
        assert conn.execute("SELECT count(*) FROM seen_signature WHERE expires_at < now()").fetchone() == (0,)
        assert conn.execute("SELECT count(*) FROM seen_signature").fetchone() == (30,)


def test_an_album_is_closed_to_users_until_it_is_opened(store: PgAccessStore) -> None:
    assert store.album_access("race") == AlbumAccess()
    assert store.open_albums(anonymous=False) == frozenset()
    opened = AlbumAccess(users_may_search=True, users_may_browse=True)
    store.set_album_access("race", opened)
    store.set_album_access("wedding", AlbumAccess(users_may_search=True, anonymous_users=True))
    assert store.album_access("race") == opened
    assert store.album_access("Race") == AlbumAccess()
    assert store.open_albums(anonymous=False) == {"race", "wedding"}
    assert store.open_albums(anonymous=True) == {"wedding"}
    store.set_album_access("race", AlbumAccess())
    assert store.album_access("race") == AlbumAccess()
    assert store.open_albums(anonymous=False) == {"wedding"}


def test_audit_entries_come_in_order_by_album_and_time(store: PgAccessStore) -> None:
    before = datetime.now(UTC)
    for number in range(3):
        store.append_audit(audit_entry(album="race" if number < 2 else "wedding", request_id=str(number)))
    assert [found.request_id for found in store.audit_entries()] == ["0", "1", "2"]
    assert [found.request_id for found in store.audit_entries(album="wedding")] == ["2"]
    assert [found.request_id for found in store.audit_entries(since=before)] == ["0", "1", "2"]
    assert list(store.audit_entries(since=datetime.now(UTC) + timedelta(hours=1))) == []
    found = next(store.audit_entries())
    assert found.at is not None
    assert replace(found, at=None) == audit_entry(request_id="0")


def test_the_audit_is_read_from_the_newest_entry_page_by_page(store: PgAccessStore) -> None:
    before = datetime.now(UTC) - timedelta(minutes=1)
    for number in range(5):
        store.append_audit(audit_entry(request_id=str(number), album="race" if number % 2 else "wedding"))
    first = store.audit_page(AuditFilter(), before=None, limit=3)
    assert [one.entry.request_id for one in first] == ["4", "3", "2"]
    rest = store.audit_page(AuditFilter(), before=first[-1].entry_id, limit=3)
    assert [one.entry.request_id for one in rest] == ["1", "0"]
    assert rest[-1].entry == next(store.audit_entries())
    assert store.audit_page(AuditFilter(since=before, album="race"), before=first[1].entry_id, limit=3) == rest[:1]
    store.append_audit(audit_entry(request_id="5", action="erase_photo", target="p", principal_id="other"))
    for where in (AuditFilter(action="erase_photo"), AuditFilter(target="p"), AuditFilter(principal_id="other")):
        assert [one.entry.request_id for one in store.audit_page(where, before=None, limit=9)] == ["5"]
    for where in (AuditFilter(until=before), AuditFilter(album="race' OR true --")):
        assert store.audit_page(where, before=None, limit=9) == []


def test_a_long_audit_is_read_page_by_page(store: PgAccessStore, database: str) -> None:
    with psycopg.connect(database) as conn:
        conn.execute(
            "INSERT INTO audit_entry (principal, principal_id, action, outcome, request_id) "
            "SELECT 'key', 'k', 'search', '200', n::text FROM generate_series(1, 2500) AS n"
        )
    assert [int(found.request_id) for found in store.audit_entries()] == list(range(1, 2501))


@pytest.mark.parametrize(
    "change", ["UPDATE audit_entry SET outcome = '404'", "DELETE FROM audit_entry", "TRUNCATE audit_entry"]
)
def test_the_audit_cannot_be_changed(store: PgAccessStore, database: str, change: str) -> None:
    store.append_audit(audit_entry())
    with (
        psycopg.connect(database) as conn,
        pytest.raises(psycopg.errors.RaiseException, match="never changed"),
    ):
        conn.execute(change)
    assert len(list(store.audit_entries())) == 1


def test_expiry_deletes_old_entries_and_keeps_the_audit_protected(store: PgAccessStore, database: str) -> None:
    store.append_audit(audit_entry(request_id="old"))
    between = datetime.now(UTC)
    store.append_audit(audit_entry(request_id="new"))
    store.take("full again", RateLimit(per_second=1e6, burst=1))
    store.take("not yet", SLOW)
    store.remember_signature(b"old", b"", between - timedelta(minutes=1))
    store.remember_signature(b"new", b"", between + timedelta(minutes=5))
    expired = store.expire(audit_before=between)
    assert expired.audit_entries == 1
    assert expired.rate_windows == 1
    assert [found.request_id for found in store.audit_entries()] == ["new"]
    assert store.take("not yet", RateLimit(per_second=0.001, burst=1)) > 0
    assert not store.remember_signature(b"new", b"", between + timedelta(minutes=5))
    with psycopg.connect(database) as conn:
        conn.execute("SELECT expire_audit_entries(now() - interval '1 year')")
        with pytest.raises(psycopg.errors.RaiseException):
            conn.execute("DELETE FROM audit_entry")


def test_statements_are_committed_only_outside_another_transaction(database: str) -> None:
    """The one connection of the pool is used both ways in turn."""
    pool = Database(database, max_connections=1)

    for album, opened in (("out", pool.autocommit), ("in", pool.transaction)):
        with contextlib.suppress(InterruptedError), opened() as conn:
            conn.execute("INSERT INTO album_access VALUES (%s, true)", [album])
            raise InterruptedError
    with pool.transaction() as conn:
        assert conn.execute("SELECT album FROM album_access").fetchall() == [("out",)]
    pool.close()


def test_a_database_without_its_tables_says_what_to_do(empty_database: str) -> None:
    with pg_access(empty_database) as store, pytest.raises(Misconfigured, match="photofinish migrate"):
        store.find_key("a" * 16)


def test_a_budget_counts_what_is_charged_and_regains_it(store: PgAccessStore) -> None:
    assert store.used_s(["k", "other"]) == [0, 0]
    assert store.charge("k", 40, budget_s=100) == pytest.approx(40, abs=1)
    assert store.charge("k", 80, budget_s=100) == pytest.approx(120, abs=5), "by one cost above the budget"
    assert store.charge("k", 80, budget_s=100) == pytest.approx(180, abs=5), "but no more than that"
    used, none = store.used_s(["k", "other"])
    assert (150 < used <= 180, none) == (True, 0)
    admitted, refused = (store.take_and_read("r", SLOW, ["other", "k"], cost=4) for _ in range(2))
    assert (admitted[0] == 0, refused[0] > 0) == (True, True)
    for _, (none, same) in (admitted, refused):
        assert (none, same) == (0, pytest.approx(used, abs=5))
    assert store.take_and_read("r", SLOW, [])[1] == []


def test_different_queries_that_find_a_face_are_counted(store: PgAccessStore) -> None:
    one, other = b"a face", b"another face"
    assert store.count_queries([one, other], b"query 1") == [1, 1]
    assert store.count_queries([one], b"query 1") == [], "the same query again"
    assert store.count_queries([other, one], b"query 2") == [2, 2]
    assert [store.count_queries([one], b"%d" % query) for query in range(40)] == [[count] for count in range(3, 43)]
    assert store.count_queries([one], b"39") == []
    assert store.count_queries([other], b"query 1") == []

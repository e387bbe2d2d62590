"""Refusals of known principals are audited, and a flood of them does not cause a flood of writes."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.adapters.postgres.access import PgAccessStore
from photofinish.domain.access import AuditEntry, RateLimit, Scope
from photofinish_functions.access.gate import Gate
from photofinish_functions.access.refusal_audit import MAX_NETWORKS, WRITTEN_EVERY, RefusalAudit
from photofinish_functions.access.refusals import Denied, Forbidden, NotVisible, RateLimited, Unauthorized
from support.access import Clock, admit, http_request, new_key, settings, with_key

REFUSED = AuditEntry(
    principal="key",
    principal_id="k",
    action="search",
    album="race",
    target=None,
    outcome="404 unknown_album",
    request_id="r",
)


class EntriesInMemory:
    """What the audit writes, and when."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.written: list[tuple[datetime, AuditEntry]] = []

    def append_audit(self, entry: AuditEntry) -> None:
        self.written.append((self._clock(), entry))


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.floats(0, 100)), max_size=60))
def test_every_refusal_is_counted_once_and_each_kind_written_once_a_minute(
    refusals: list[tuple[str, float]],
) -> None:
    clock = Clock()
    store = EntriesInMemory(clock)
    audit = RefusalAudit(store, now=clock)  # type: ignore[arg-type]
    for who, wait_s in refusals:
        clock.advance(wait_s)
        audit.add(replace(REFUSED, principal_id=who))
    clock.advance(WRITTEN_EVERY.total_seconds())
    audit.write_due()
    times, counts = defaultdict(list), defaultdict(int)
    for at, entry in store.written:
        times[entry.principal_id].append(at)
        counts[entry.principal_id] += entry.count or 0
    assert counts == {who: sum(who == one for one, _ in refusals) for who in {one for one, _ in refusals}}
    for moments in times.values():
        assert all(later - earlier >= WRITTEN_EVERY for earlier, later in itertools.pairwise(moments))
    clock.advance(WRITTEN_EVERY.total_seconds())
    written = len(store.written)
    audit.write_due()
    assert len(store.written) == written, "what was written is written again"


def entries(store: PgAccessStore) -> list[tuple[str, str, str | None, str, int | None]]:
    return [(one.principal_id, one.action, one.album, one.outcome, one.count) for one in store.audit_entries()]


def refuse(gate: Gate, kind: type[Denied], scope: Scope, album: str, key: str, action: str = "search") -> None:
    with pytest.raises(kind) as caught:
        admit(gate, scope, album, with_key(key))
    refusal = caught.value
    outcome = f"{refusal.status} {refusal.code}"
    gate.record_refusal(refusal, action, album=album, outcome=outcome, request_id="r")


def test_the_first_is_written_at_once_and_the_rest_when_the_minute_is_over(
    gate: Gate, store: PgAccessStore, clock: Clock
) -> None:
    key = new_key(store, albums=frozenset({"race"}))
    for album in ("wedding", "gala", "party"):
        refuse(gate, NotVisible, Scope.SEARCH, album, key.text)
    refuse(gate, Forbidden, Scope.WRITE, "race", key.text)
    refuse(gate, NotVisible, Scope.SEARCH, "gala", key.text, action="show_album")
    at_once = [
        (key.key_id, "search", "wedding", "404 unknown_album", 1),
        (key.key_id, "search", "race", "403 forbidden", 1),
        (key.key_id, "show_album", "gala", "404 unknown_album", 1),
    ]
    assert entries(store) == at_once
    clock.advance(61)
    gate.record(admit(gate, Scope.SEARCH, "race", with_key(key)), "search", album="race", outcome="200", request_id="r")
    assert entries(store)[3:] == [
        (key.key_id, "search", "party", "404 unknown_album", 2),
        (key.key_id, "search", "race", "200", None),
    ]


def test_a_flood_beyond_the_rate_is_one_entry_a_minute(gate: Gate, store: PgAccessStore, clock: Clock) -> None:
    key = new_key(store, rate=RateLimit(per_second=1e-6, burst=1))
    admit(gate, Scope.SEARCH, "race", with_key(key))
    for _ in range(3):
        for _ in range(20):
            refuse(gate, RateLimited, Scope.SEARCH, "race", key.text)
        clock.advance(60)
    assert [count for *_, outcome, count in entries(store) if outcome == "429 rate_limited"] == [1, 19, 20]


def test_an_unknown_caller_is_not_audited(gate: Gate, store: PgAccessStore) -> None:
    with pytest.raises(Unauthorized) as caught:
        admit(gate, Scope.SEARCH, "race", {})
    assert not isinstance(caught.value, Denied)
    gate.record_refusal(RateLimited(1.0), "search", album="race", outcome="429 rate_limited", request_id="r")
    assert entries(store) == []


def test_an_entry_that_could_not_be_written_is_written_later(store: PgAccessStore, database: str) -> None:
    clock = Clock()
    audit = RefusalAudit(store, now=clock)
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute("ALTER TABLE audit_entry ADD CONSTRAINT full_up CHECK (false) NOT VALID")
        for _ in range(3):
            with pytest.raises(psycopg.errors.CheckViolation):
                audit.add(REFUSED)
        conn.execute("ALTER TABLE audit_entry DROP CONSTRAINT full_up")
    audit.add(REFUSED)
    clock.advance(60)
    audit.write_due()
    assert sum(count or 0 for *_, count in entries(store)) == 4
    assert all(one.at and datetime.now(UTC) - one.at < timedelta(minutes=1) for one in store.audit_entries())


def test_failed_authentications_count_by_network_and_never_keep_an_address(clock: Clock) -> None:
    written = EntriesInMemory(clock)
    audit = RefusalAudit(written, now=clock)  # type: ignore[arg-type]
    failed = replace(REFUSED, principal="none", principal_id="", album=None, outcome="401 unauthorized")
    for number in range(MAX_NETWORKS + 50):
        for _ in range(2):
            audit.add(replace(failed, network=f"2001:db8:0:{number:x}::/64"))
    clock.advance(WRITTEN_EVERY.total_seconds())
    audit.write_due()
    counted = defaultdict[str | None, int](int)
    for _, entry in written.written:
        counted[entry.network] += entry.count or 0
    assert sum(counted.values()) == 2 * (MAX_NETWORKS + 50)
    assert counted[None] == 100, "an attacker with many networks costs one more entry a minute"
    assert counted["2001:db8:0:0::/64"] == 2


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
    ],
)
def test_a_wrong_key_is_audited_with_its_network(store: PgAccessStore, address: str, network: str) -> None:
    gate = Gate(store, settings())
    with http_request(address=address) as made:
        gate.record_failure(request_id="r", network=gate.network_of(made))
    [entry] = store.audit_entries()
    assert (entry.principal, entry.principal_id, entry.outcome, entry.network, entry.count) == (
        "none",
        "",
        "401 unauthorized",
        network,
        1,
    )

"""The audit in Postgres, anchored while instances write, verified after every kind of tampering and after expiry."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from photofinish.adapters.memory.audit_anchors import MemoryAuditAnchors
from photofinish.adapters.postgres.access import PgAccessStore
from photofinish.adapters.postgres.audit_reading import PgAuditReading
from photofinish.application.audit_anchoring import Verification, anchor_audit, verify
from photofinish.domain.audit_chain import Finding
from support.access import audit_entry, pg_access

LONG_S = 60


class Audit:
    def __init__(self, store: PgAccessStore, url: str) -> None:
        self.store, self.url = store, url
        self.reading, self.anchors = PgAuditReading(store._database), MemoryAuditAnchors()

    def add(self, count: int) -> None:
        for _ in range(count):
            self.store.append_audit(audit_entry())

    def anchor(self) -> int:
        return anchor_audit(self.reading, self.anchors)

    def verify(
        self, *, expired_before: datetime | None = None, anchored_before: datetime | None = None
    ) -> Verification:
        before = datetime.now(UTC) - timedelta(days=1)
        return verify(
            self.reading,
            self.anchors,
            expired_before=expired_before or before,
            anchored_before=anchored_before or before,
        )

    def tamper(self, statement: str) -> None:
        """As the owner of the tables, who can switch triggers off."""
        with psycopg.connect(self.url) as conn:
            conn.execute("ALTER TABLE audit_entry DISABLE TRIGGER USER")
            conn.execute(statement)  # type: ignore[arg-type]
            conn.execute("ALTER TABLE audit_entry ENABLE TRIGGER USER")


@pytest.fixture
def audit(database: str) -> Iterator[Audit]:
    with pg_access(database) as store:
        yield Audit(store, database)


def test_nothing_is_wrong_with_what_nothing_touched(audit: Audit) -> None:
    assert (audit.anchor(), audit.verify()) == (0, Verification(anchors=0, anchored=0, not_anchored=0, problems=()))
    audit.add(3)
    assert audit.anchor() == 3
    audit.add(2)
    assert (audit.anchor(), audit.anchor()) == (2, 0)
    audit.add(1)
    assert audit.verify() == Verification(anchors=2, anchored=5, not_anchored=1, problems=())


def test_verification_tells_how_far_it_is(audit: Audit) -> None:
    for _ in range(2):
        audit.add(3)
        audit.anchor()
    told: list[int] = []
    before = datetime.now(UTC) - timedelta(days=1)
    verify(audit.reading, audit.anchors, expired_before=before, anchored_before=before, on_read=told.append)
    assert told == [3, 6]


def test_missing_anchors_are_a_problem(audit: Audit) -> None:
    """With no anchor, or none since an hour, everything in between could have been changed."""
    later = datetime.now(UTC) + timedelta(minutes=1)
    for first in (1, 4):
        audit.add(3)
        [problem] = audit.verify(anchored_before=later).problems
        assert (problem.finding, problem.entry_id) == (Finding.NOT_ANCHORED, first)
        assert audit.verify().problems == (), "there is time for the next run"
        audit.anchor()
        assert audit.verify(anchored_before=later).problems == ()


@pytest.mark.parametrize(
    ("statement", "finding", "entry_id"),
    [
        ("UPDATE audit_entry SET principal_id = 'another' WHERE entry_id = 2", Finding.CHANGED, 2),
        ("UPDATE audit_entry SET network = NULL WHERE entry_id = 4", Finding.CHANGED, 4),
        ("DELETE FROM audit_entry WHERE entry_id = 3", Finding.REMOVED, 3),
        (
            "INSERT INTO audit_entry (entry_id, principal, principal_id, action, outcome, request_id) "
            "OVERRIDING SYSTEM VALUE VALUES (6, 'key', 'k', 'search', '200', 'r')",
            Finding.INSERTED,
            6,
        ),
    ],
    ids=["changed", "network removed", "removed", "inserted"],
)
def test_tampering_is_found_and_named(audit: Audit, statement: str, finding: Finding, entry_id: int) -> None:
    audit.add(5)
    with pytest.raises(psycopg.errors.CheckViolation), psycopg.connect(audit.url) as conn:
        conn.execute(
            "INSERT INTO audit_entry (principal, principal_id, action, outcome, request_id) "
            "VALUES ('x', '', '', '', '')"
        )
    audit.add(1)  # number 6 never was
    audit.anchor()
    audit.tamper(statement)
    assert [(one.finding, one.entry_id) for one in audit.verify().problems] == [(finding, entry_id)]


def test_expiry_leaves_a_chain_that_can_be_verified(audit: Audit) -> None:
    audit.add(3)
    audit.anchor()
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert audit.store.expire(audit_before=later).audit_entries == 3
    audit.add(2)
    audit.anchor()
    assert audit.verify(expired_before=later).problems == ()
    assert [one.finding for one in audit.verify().problems] == [Finding.REMOVED] * 3, "before their retention was over"
    audit.anchors.texts.pop(0)
    assert Finding.ANCHOR_BROKEN in {one.finding for one in audit.verify(expired_before=later).problems}


def test_an_entry_that_is_being_written_is_not_left_out(audit: Audit) -> None:
    """A lower number that is committed after a higher one must not end up in a range that is anchored already."""
    audit.add(1)
    with psycopg.connect(audit.url) as slow, ThreadPoolExecutor(1) as pool:
        slow.execute(
            "INSERT INTO audit_entry (principal, principal_id, action, outcome, request_id) "
            "VALUES ('key', 'k', 'search', '200', 'slow')"
        )
        started = threading.Event()
        anchoring = pool.submit(lambda: (started.set(), audit.anchor())[1])
        assert started.wait(LONG_S)
        slow.commit()
        assert anchoring.result(LONG_S) in (1, 2)  # before the insert, or with it
    audit.anchor()
    assert audit.verify().problems == ()
    assert audit.verify().anchored == 2


def test_many_instances_write_while_two_anchor(audit: Audit) -> None:
    with ThreadPoolExecutor(6) as pool:
        writing = [pool.submit(audit.add, 25) for _ in range(4)]
        while not all(one.done() for one in writing):
            list(pool.map(lambda _: audit.anchor(), range(2)))
        for one in writing:
            one.result()
    audit.anchor()
    found = audit.verify()
    assert (found.problems, found.anchored, found.not_anchored) == ((), 100, 0)

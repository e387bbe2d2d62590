"""The promises of ReceiptStore, kept by every implementation, and that Postgres keeps receipts for good."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from photofinish.adapters.memory.receipts import MemoryReceipts
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.receipts import PgReceipts
from photofinish.application.receipts import Receipts, SigningKey, verify
from photofinish.domain.erasure import Erasure, ErasureKind, ErasureTarget, Reason
from photofinish.ports import ReceiptStore, UnknownReceipt

KEY, NEXT_KEY = SigningKey(b"1" * 32), SigningKey(b"2" * 32)
STARTED = datetime(2026, 5, 2, 9, tzinfo=UTC)
ERASURE = Erasure(
    id="0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f",
    target=ErasureTarget(kind=ErasureKind.PERSON, album="anna-and-tom", id="5b0d3c57-5bb4-44f8-9a3a-1f9a6b7d9c11"),
    reason=Reason.REQUEST,
    started_at=STARTED,
    finished_at=STARTED + timedelta(seconds=2),
    removed={"postgres": {"faces": 3}},
)


@pytest.fixture(params=["memory", "postgres"])
def store(request: pytest.FixtureRequest) -> Iterator[ReceiptStore]:
    if request.param == "memory":
        yield MemoryReceipts()
        return
    database = Database(request.getfixturevalue("database"))
    yield PgReceipts(database)
    database.close()


def issuing(store: ReceiptStore, key: SigningKey = KEY) -> Receipts:
    return Receipts(store, key, software_version="1.2.3")


def test_an_issued_receipt_is_found_and_verified_by_the_listed_keys(store: ReceiptStore) -> None:
    issued = issuing(store).issue(ERASURE)
    kept = store.receipt(ERASURE.id)
    assert kept == issued
    assert verify(kept.document(), {key.key_id: key.public_key for key in store.public_keys()}) == issued
    assert (issued.target_kind, issued.removed, issued.software_version) == ("person", ERASURE.removed, "1.2.3")
    for personal in (ERASURE.target.album, ERASURE.target.id):
        assert personal.encode() not in issued.document()


def test_an_erasure_has_one_receipt_whatever_happens_later(store: ReceiptStore) -> None:
    first = issuing(store).issue(ERASURE)
    later = replace(ERASURE, finished_at=STARTED + timedelta(days=1), removed={})
    assert issuing(store, NEXT_KEY).issue(later) == first == store.receipt(ERASURE.id)


def test_after_a_rotation_receipts_of_both_keys_can_be_verified(store: ReceiptStore) -> None:
    other = replace(ERASURE, id="9a3a5b0d-5bb4-44f8-9a3a-1f9a6b7d9c11")
    before, after = issuing(store).issue(ERASURE), issuing(store, NEXT_KEY).issue(other)
    assert [key.key_id for key in store.public_keys()] == [NEXT_KEY.key_id, KEY.key_id]
    keys = {key.key_id: key.public_key for key in store.public_keys()}
    assert [verify(receipt.document(), keys).key_id for receipt in (before, after)] == [KEY.key_id, NEXT_KEY.key_id]
    assert before.target_digest != after.target_digest, "the digest needs the secret"


def test_there_is_no_receipt_of_an_unknown_erasure(store: ReceiptStore) -> None:
    with pytest.raises(UnknownReceipt):
        store.receipt(ERASURE.id)
    assert store.public_keys() == []


@pytest.mark.parametrize("table", ["erasure_receipt", "receipt_key"])
@pytest.mark.parametrize("change", ["DELETE FROM {}", "UPDATE {} SET key_id = key_id", "TRUNCATE {} CASCADE"])
def test_not_even_the_owner_changes_one_by_mistake(database: str, table: str, change: str) -> None:
    opened = Database(database)
    issuing(PgReceipts(opened)).issue(ERASURE)
    opened.close()
    with psycopg.connect(database) as conn, pytest.raises(psycopg.errors.RaiseException, match="never changed"):
        conn.execute(change.format(table))  # type: ignore[call-overload]

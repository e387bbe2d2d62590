"""Transactions through the official clients: no update is lost under contention, and stale reads are not committed."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.api_core import exceptions
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from support.firestore_server import FirestoreServer, emulator_environment

WORKERS = 10
INCREMENTS_EACH = 20


def _increment(transaction: firestore.Transaction, reference: firestore.DocumentReference) -> None:
    count = reference.get(transaction=transaction).get("count")
    transaction.update(reference, {"count": count + 1})


def test_contended_increments_all_count(client: firestore.Client) -> None:
    reference = client.document("counters/photos")
    reference.set({"count": 0})

    def work(_: int) -> None:
        for _ in range(INCREMENTS_EACH):
            firestore.transactional(_increment)(client.transaction(), reference)

    with ThreadPoolExecutor(WORKERS) as workers:
        list(workers.map(work, range(WORKERS)))
    assert reference.get().get("count") == WORKERS * INCREMENTS_EACH


def test_contended_increments_all_count_async(server: FirestoreServer, project: str) -> None:
    @firestore.async_transactional
    async def increment(transaction: firestore.AsyncTransaction, reference: firestore.AsyncDocumentReference) -> None:
        count = (await reference.get(transaction=transaction)).get("count")
        transaction.update(reference, {"count": count + 1})

    async def work() -> int:
        with emulator_environment(server):
            client = firestore.AsyncClient(project=project)
        reference = client.document("counters/photos")
        await reference.set({"count": 0})

        async def worker() -> None:
            for _ in range(INCREMENTS_EACH):
                await increment(client.transaction(), reference)

        await asyncio.gather(*(worker() for _ in range(WORKERS)))
        return (await reference.get()).get("count")

    assert asyncio.run(work()) == WORKERS * INCREMENTS_EACH


def test_a_change_of_a_document_that_was_read_aborts(client: firestore.Client) -> None:
    reference = client.document("albums/spring")
    reference.set({"title": "Spring"})
    transaction = client.transaction()
    transaction._begin()
    reference.get(transaction=transaction)
    reference.update({"title": "Summer"})
    assert next(iter(client.get_all([reference], transaction=transaction))).get("title") == "Spring", "reads repeat"
    transaction.update(reference, {"seen": "Spring"})
    with pytest.raises(exceptions.Aborted, match="contention"):
        transaction._commit()
    assert reference.get().to_dict() == {"title": "Summer"}


def test_the_creation_of_a_document_that_was_missing_aborts(client: firestore.Client) -> None:
    reference = client.document("albums/spring")
    transaction = client.transaction()
    transaction._begin()
    assert not reference.get(transaction=transaction).exists
    reference.set({"title": "Spring"})
    transaction.set(reference, {"title": "mine"})
    with pytest.raises(exceptions.Aborted):
        transaction._commit()


@pytest.mark.parametrize(
    ("change", "conflicts"),
    [({"status": "queued"}, True), ({"status": "done"}, False)],
    ids=["a document joins the result", "another document changes"],
)
def test_the_result_of_a_query_is_validated(client: firestore.Client, change: dict, conflicts: bool) -> None:
    photos = client.collection("photos")
    photos.document("a").set({"status": "queued"})
    transaction = client.transaction()
    transaction._begin()
    queued = photos.where(filter=FieldFilter("status", "==", "queued"))
    assert len(list(queued.stream(transaction=transaction))) == 1
    photos.document("b").set(change)
    transaction.set(client.document("totals/queued"), {"count": 1})
    if conflicts:
        with pytest.raises(exceptions.Aborted):
            transaction._commit()
    else:
        transaction._commit()


def test_a_count_is_validated(client: firestore.Client) -> None:
    photos = client.collection("photos")
    transaction = client.transaction()
    transaction._begin()
    assert photos.count().get(transaction=transaction)[0][0].value == 0
    photos.document("b").set({})
    transaction.set(client.document("totals/all"), {"count": 0})
    with pytest.raises(exceptions.Aborted):
        transaction._commit()


def test_rollback_ends_a_transaction(client: firestore.Client) -> None:
    transaction = client.transaction()
    transaction._begin()
    id = transaction.id
    transaction._rollback()
    request = {"database": client._database_string, "writes": [], "transaction": id}
    with pytest.raises(exceptions.InvalidArgument, match="expired or is no longer valid"):
        client._firestore_api.commit(request=request)


def test_a_failing_function_writes_nothing(client: firestore.Client) -> None:
    reference = client.document("albums/spring")

    @firestore.transactional
    def fail(transaction: firestore.Transaction) -> None:
        transaction.set(reference, {"title": "Spring"})
        raise LookupError("no such album")

    with pytest.raises(LookupError, match="no such album"):
        fail(client.transaction())
    assert not reference.get().exists


def test_a_plain_write_does_not_wait_forever_for_a_transaction(client: firestore.Client) -> None:
    reference = client.document("counters/photos")
    reference.set({"count": 0})
    transaction = client.transaction()
    transaction._begin()
    reference.get(transaction=transaction)
    reference.set({"count": 100})
    transaction.update(reference, {"count": 1})
    with pytest.raises(exceptions.Aborted):
        transaction._commit()
    transaction._clean_up()
    transaction._begin()
    reference.get(transaction=transaction)  # it has the next turn, but its client does nothing more
    reference.set({"count": 200}, timeout=30)
    assert reference.get().get("count") == 200

"""Listeners through the official client: each receives all changes of its target, in order."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter
from google.cloud.firestore_v1.types import ListenRequest, ListenResponse, Target

DEADLINE_S = 15.0
Change = tuple[str, str]


class Watch:
    """Records what an ``on_snapshot`` listener receives."""

    def __init__(self, target: Any) -> None:
        self.changes: list[Change] = []
        self.documents: list[Any] = []
        self.snapshots = 0
        self._changed = threading.Condition()
        self._watch = target.on_snapshot(self._on_snapshot)

    def _on_snapshot(self, documents: list[Any], changes: list[Any], read_time: Any) -> None:
        with self._changed:
            self.snapshots += 1
            self.documents = documents
            self.changes += [(change.type.name, change.document.id) for change in changes]
            self._changed.notify_all()

    def until(self, condition: Callable[[Watch], bool], what: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: condition(self), DEADLINE_S), f"{what}; so far: {self.changes}"

    def take(self) -> list[Change]:
        """The changes since the last call."""
        with self._changed:
            changes, self.changes = self.changes, []
            return changes

    @property
    def ids(self) -> list[str]:
        return [document.id for document in self.documents]

    def stop(self) -> None:
        self._watch.unsubscribe()


@pytest.fixture
def watch() -> Iterator[Callable[[Any], Watch]]:
    watches: list[Watch] = []

    def start(target: Any) -> Watch:
        watches.append(Watch(target))
        return watches[-1]

    yield start
    for one in watches:
        one.stop()


def where(path: str, op: str, value: Any) -> FieldFilter:
    return FieldFilter(path, op, value)


def test_a_document(client: firestore.Client, watch: Callable[[Any], Watch]) -> None:
    reference = client.document("albums/spring")
    one = watch(reference)
    one.until(lambda it: it.snapshots == 1, "the first snapshot, of no document")
    assert one.documents == []
    reference.set({"title": "Spring"})
    one.until(lambda it: it.take() == [("ADDED", "spring")], "the new document")
    reference.update({"title": "Summer"})
    one.until(lambda it: it.documents[0].get("title") == "Summer", "the changed document")
    reference.delete()
    one.until(lambda it: it.documents == [], "the deleted document")


def test_a_query_gains_and_loses_documents(client: firestore.Client, watch: Callable[[Any], Watch]) -> None:
    photos = client.collection("albums/spring/photos")
    for number in range(3):
        photos.document(f"p{number}").set({"n": number, "status": "queued"})
    client.document("albums/summer/photos/other").set({"n": 0, "status": "queued"})
    queued = watch(photos.where(filter=where("status", "==", "queued")).order_by("n"))
    queued.until(lambda it: it.ids == ["p0", "p1", "p2"], "the first snapshot")
    queued.take()
    photos.document("p1").update({"status": "done"})
    queued.until(lambda it: it.take() == [("REMOVED", "p1")], "one that no longer matches")
    photos.document("p1").update({"status": "queued", "n": 9})
    queued.until(lambda it: it.take() == [("ADDED", "p1")], "one that matches again")
    assert queued.ids == ["p0", "p2", "p1"]
    photos.document("p0").delete()
    queued.until(lambda it: it.take() == [("REMOVED", "p0")], "one that is deleted")
    client.document("albums/summer/photos/other").update({"n": 5})
    photos.document("p2").update({"n": 3})
    queued.until(lambda it: it.take() == [("MODIFIED", "p2")], "one that changed, and none of another collection")


def test_a_limited_query_is_filled_up(client: firestore.Client, watch: Callable[[Any], Watch]) -> None:
    photos = client.collection("photos")
    for number in range(5):
        photos.document(f"p{number}").set({"n": number})
    first = watch(photos.order_by("n").limit(2))
    first.until(lambda it: it.ids == ["p0", "p1"], "the first snapshot")
    photos.document("p0").delete()
    first.until(lambda it: it.ids == ["p1", "p2"], "the next moved up")
    photos.document("p9").set({"n": -1})
    first.until(lambda it: it.ids == ["p9", "p1"], "a new first")
    photos.document("p4").set({"n": 100})
    photos.document("p1").update({"n": 1.5})
    first.until(lambda it: it.documents[1].get("n") == 1.5, "a change inside the window")


def test_a_collection_group(client: firestore.Client, watch: Callable[[Any], Watch]) -> None:
    everywhere = watch(client.collection_group("photos").where(filter=where("n", ">", 0)))
    everywhere.until(lambda it: it.snapshots == 1, "the first snapshot")
    client.document("albums/a/photos/p1").set({"n": 1})
    client.document("albums/b/cameras/c/photos/p2").set({"n": 2})
    client.document("albums/b/people/p3").set({"n": 3})
    client.document("albums/b/photos/p4").set({"n": 0})
    client.document("albums/b/photos/p5").set({"n": 5})
    everywhere.until(lambda it: sorted(it.ids) == ["p1", "p2", "p5"], "photos of all albums")


def test_a_batch_is_one_snapshot(client: firestore.Client, watch: Callable[[Any], Watch]) -> None:
    photos = client.collection("photos")
    one = watch(photos)
    one.until(lambda it: it.snapshots == 1, "the first snapshot")
    for round_number in range(5):
        batch = client.batch()
        for number in range(20):
            batch.set(photos.document(f"p{number}"), {"round": round_number})
        batch.commit()
    rounds_seen = []

    def all_of_one_round(it: Watch) -> bool:
        rounds = {document.get("round") for document in it.documents}
        rounds_seen.append(rounds)
        return rounds == {4}

    one.until(all_of_one_round, "the last round")
    assert all(len(rounds) <= 1 for rounds in rounds_seen), "no snapshot mixes two commits"


def test_fast_writers_and_their_listener_agree(client: firestore.Client, watch: Callable[[Any], Watch]) -> None:
    photos = client.collection("photos")
    one = watch(photos.where(filter=where("even", "==", True)))
    writer = client.bulk_writer()
    for number in range(300):
        writer.set(photos.document(f"p{number % 50}"), {"n": number, "even": number % 2 == 0})
        if number % 50 == 49:
            writer.flush()
    writer.close()
    expected = {document.id: document.to_dict() for document in photos.stream() if document.get("even")}
    one.until(lambda it: {document.id: document.to_dict() for document in it.documents} == expected, "the last state")


class Stream:
    """A bare Listen stream, to test the protocol."""

    def __init__(self, client: firestore.Client) -> None:
        self._database = client._database_string
        self._requests: queue.SimpleQueue[ListenRequest | None] = queue.SimpleQueue()
        self._call = client._firestore_api._transport.listen(
            iter(self._requests.get, None), metadata=client._rpc_metadata, timeout=DEADLINE_S
        )

    def send(self, **request: Any) -> None:
        self._requests.put(ListenRequest(database=self._database, **request))

    def until_snapshot(self) -> list[ListenResponse]:
        """All responses up to and including the one that completes a consistent snapshot."""
        responses = []
        for response in self._call:
            responses.append(response)
            change = response.target_change
            if "target_change" in response and not change.target_ids and change.read_time:
                return responses
        raise AssertionError(f"the stream ended after {responses}")

    def take(self, count: int) -> list[ListenResponse]:
        """The next responses."""
        return list(itertools.islice(self._call, count))

    def close(self) -> None:
        self._requests.put(None)
        self._call.cancel()


def kinds(responses: list[ListenResponse]) -> list[str]:
    names = []
    for response in responses:
        kind = response._pb.WhichOneof("response_type")
        if kind == "target_change":
            names.append(response.target_change.target_change_type.name)
        elif kind == "document_change":
            document = response.document_change.document.name.rsplit("/", 1)[1]
            names.append(("-" if response.document_change.removed_target_ids else "+") + document)
        elif kind in ("document_delete", "document_remove"):
            names.append(f"{kind} {getattr(response, kind).document.rsplit('/', 1)[1]}")
        else:
            names.append(f"count {response.filter.count}")
    return names


@pytest.fixture
def stream(client: firestore.Client) -> Iterator[Callable[[], Stream]]:
    streams: list[Stream] = []

    def start() -> Stream:
        streams.append(Stream(client))
        return streams[-1]

    yield start
    for one in streams:
        one.close()


def query_target(query: Any, id: int, **more: Any) -> Target:
    parent, _ = query._parent._parent_info()
    return Target(query={"parent": parent, "structured_query": query._to_protobuf()}, target_id=id, **more)


def test_a_resumed_target_receives_what_it_missed(client: firestore.Client, stream: Callable[[], Stream]) -> None:
    photos = client.collection("photos")
    for name in ("kept", "changed", "left", "deleted"):
        photos.document(name).set({"status": "queued"})
    queued = photos.where(filter=where("status", "==", "queued"))
    first = stream()
    first.send(add_target=query_target(queued, 7))
    responses = first.until_snapshot()
    assert kinds(responses) == ["ADD", "+changed", "+deleted", "+kept", "+left", "CURRENT", "NO_CHANGE"]
    token = responses[-1].target_change.resume_token
    first.close()

    photos.document("changed").update({"n": 1})
    photos.document("left").update({"status": "done"})
    photos.document("deleted").delete()
    photos.document("new").set({"status": "queued"})
    photos.document("came and went").set({"status": "queued"})
    photos.document("came and went").delete()
    photos.document("other").set({"status": "done"})

    second = stream()
    second.send(add_target=query_target(queued, 7, resume_token=token))
    resumed = kinds(second.until_snapshot())
    assert resumed[0] == "ADD"
    assert sorted(resumed[1:-3]) == ["+changed", "+new", "-left", "document_delete deleted"]
    assert resumed[-3:] == ["count 3", "CURRENT", "NO_CHANGE"]


def test_a_limited_query_resumes_too(client: firestore.Client, stream: Callable[[], Stream]) -> None:
    photos = client.collection("photos")
    for number in range(4):
        photos.document(f"p{number}").set({"n": number})
    first = stream()
    first.send(add_target=query_target(photos.order_by("n").limit(2), 1))
    token = first.until_snapshot()[-1].target_change.resume_token
    photos.document("p0").delete()
    photos.document("p3").set({"n": 1.5})
    second = stream()
    second.send(add_target=query_target(photos.order_by("n").limit(2), 1, resume_token=token))
    assert kinds(second.until_snapshot())[1:-2] == ["document_delete p0", "+p3", "count 2"]


def test_a_token_of_another_server_starts_over(client: firestore.Client, stream: Callable[[], Stream]) -> None:
    """Also one of this very moment: what the other server had then is not what this one has."""
    client.document("photos/a").set({})
    one = stream()
    one.send(add_target=query_target(client.collection("photos").limit(5), 1))
    token = one.until_snapshot()[-1].target_change.resume_token
    foreign = bytes(byte ^ 0xFF for byte in token[:4]) + token[4:]
    for number, other in enumerate((bytes(12), foreign), 2):
        one.send(add_target=query_target(client.collection("photos").limit(5), number, resume_token=other))
        assert kinds(one.until_snapshot()) == ["ADD", "RESET", "+a", "CURRENT", "NO_CHANGE"]


def test_many_targets_share_a_stream(client: firestore.Client, stream: Callable[[], Stream]) -> None:
    one = stream()
    one.send(add_target=query_target(client.collection("photos").order_by("n"), 1))
    assert kinds(one.until_snapshot()) == ["ADD", "CURRENT", "NO_CHANGE"]
    name = client.document("photos/a")._document_path
    one.send(add_target=Target(documents={"documents": [name]}, target_id=2))
    assert kinds(one.until_snapshot()) == ["ADD", "document_delete a", "CURRENT", "NO_CHANGE"]
    client.document("photos/a").set({"n": 1})
    assert kinds(one.until_snapshot()) == ["+a", "+a", "NO_CHANGE"]
    one.send(remove_target=1)
    one.send(add_target=query_target(client.collection("photos").where(filter=where("n", "in", list(range(31)))), 3))
    removed, refused = (response.target_change for response in one.take(2))
    assert (removed.target_change_type.name, list(removed.target_ids), removed.cause.code) == ("REMOVE", [1], 0)
    assert (refused.target_change_type.name, list(refused.target_ids), refused.cause.code) == ("REMOVE", [3], 3)
    client.document("photos/a").update({"n": 2})
    assert kinds(one.until_snapshot()) == ["+a", "NO_CHANGE"], "the stream continues for target 2"


def test_a_hundred_listeners_of_a_stream_each_find_their_documents(
    client: firestore.Client, stream: Callable[[], Stream]
) -> None:
    photos = client.collection("photos")
    writer = client.bulk_writer()
    for number in range(1000):
        writer.set(photos.document(f"p{number}"), {"n": number, "bib": number % 100})
    writer.close()
    one = stream()
    for number in range(100):
        one.send(add_target=query_target(photos.where(filter=where("bib", "==", number)), number + 1))
    found = 0
    for _ in range(100):
        found += sum(name.startswith("+") for name in kinds(one.until_snapshot()))
    assert found == 1000

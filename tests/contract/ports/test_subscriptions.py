"""The promises of Subscriptions and Notifications, kept by every implementation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from photofinish.adapters.memory.event_log import MemoryEventLog
from photofinish.adapters.memory.face_index import MemoryFaceIndex
from photofinish.adapters.memory.subscriptions import MemorySubscriptions
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.erasing.erasures import PgErasures
from photofinish.adapters.postgres.events.log import PgEventLog
from photofinish.adapters.postgres.faces import PgFaceIndex
from photofinish.adapters.postgres.subscriptions.notifications import PgNotifications
from photofinish.adapters.postgres.subscriptions.registry import PgSubscriptions
from photofinish.adapters.postgres.suppression import PgSuppressionList
from photofinish.domain.album_event import AlbumEvent, EventFilter, EventType, fact_id
from photofinish.domain.erasure import ErasureKind, ErasureTarget, Reason
from photofinish.domain.face import Embedding
from photofinish.domain.photo import PhotoRef
from photofinish.domain.subscription import (
    CONFIRM_WITHIN,
    MAX_CONFIRMATIONS_A_DAY,
    MAX_PHOTOS_A_MESSAGE,
    MESSAGE_EVERY,
    Channel,
    Contact,
    EndReason,
    Language,
    NewSubscription,
    Outcome,
    Subscription,
    places,
)
from photofinish.domain.webhook import ANNOUNCE_AGAIN_AFTER, HEALTHY, LEASE, RETRY_DELAYS
from photofinish.errors import Conflict
from photofinish.ports import EventLog, FaceIndex, NotificationClaim, Notifications, Subscriptions, UnknownSubscription
from support.erasure_checker import left_in_postgres
from support.faces import bib, embedding, face, photo
from support.index import add
from support.postgres import LIVE_USER, url_of

ADA, BEA = embedding([1.0, 0.0, 0.0, 0.0]), embedding([0.0, 1.0, 0.0, 0.0])
LIKE_ADA = embedding([0.9, 0.3, 0.0, 0.0])
ADDRESS = "ada@example.org"
EVERYTHING = EventFilter()


@dataclass
class Stores:
    subscriptions: Subscriptions
    notifications: Notifications
    events: EventLog
    index: FaceIndex
    expiring: Subscriptions
    """As the function that expires."""
    database: str | None = None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def subscribe(self, channel: Channel = Channel.FCM, address: str = ADDRESS, **fields: Any) -> Subscription:
        new = NewSubscription(
            **{
                "album": "race",
                "owner": "user:1",
                "contact": contact(channel, address),
                "contact_hash": f"{channel}{address}".encode(),
                "language": Language.ENGLISH,
                "ends_at": self.now + timedelta(days=30),
                "min_similarity": 0.5,
            }
            | fields
        )
        return self.subscriptions.add(new, now=self.now)

    def later(self, delta: timedelta) -> datetime:
        self.now += delta
        return self.now

    def match(self) -> None:
        while self.notifications.match(self.now):
            pass

    def index_photo(self, number: int, *faces: Embedding, bibs: tuple[str, ...] = (), generation: int = 1) -> PhotoRef:
        made = photo(f"race/{number}.jpg", generation)
        add(self.index, made, [face(one, x=0.1 * at) for at, one in enumerate(faces)], [bib(one) for one in bibs])
        if isinstance(self.events, MemoryEventLog):
            self.record(EventType.FACE_INDEXED, made)
        return made

    def record(self, kind: EventType, made: PhotoRef, *, again: int = 0) -> None:
        event = AlbumEvent(
            id=fact_id(kind, made.photo_id, made.generation, again),
            type=kind,
            album="race",
            occurred_at=self.now,
            photo_id=made.photo_id,
            generation=made.generation,
        )
        self.events.append([event])

    def claim(self, subscription: Subscription) -> NotificationClaim | None:
        return self.notifications.claim(subscription.subscription_id, now=self.now)

    def claimed(self, subscription: Subscription) -> NotificationClaim:
        made = self.claim(subscription)
        assert made is not None, "no message is due"
        return made

    def finish(self, claim: NotificationClaim, outcome: Outcome = Outcome.DELIVERED) -> Any:
        return self.notifications.finish(claim, outcome, now=self.now, chance=0.5)

    def told(self, subscription: Subscription) -> list[tuple[str, ...]]:
        """The photos of each message, one a minute, until nothing is due."""
        messages = []
        self.match()
        for _ in range(5):
            if (claim := self.claim(subscription)) is not None:
                messages.append(claim.photo_ids)
                self.finish(claim)
            self.later(MESSAGE_EVERY)
        return messages

    def reasons(self) -> list[str]:
        ended = EventFilter(types=frozenset({EventType.SUBSCRIPTION_ENDED}))
        return [one.event.data["reason"] for one in self.events.page("race", ended, after=0, limit=99).events]


def contact(channel: Channel, address: str) -> Contact:
    destination = f"webhook:{address}" if channel is Channel.WEBHOOK else channel.value
    return Contact(channel=channel, address=address, destination=destination)


def ids(*photos: PhotoRef) -> tuple[str, ...]:
    return tuple(sorted(one.photo_id for one in photos))


@pytest.fixture(params=["memory", "postgres"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "memory":
        events, index = MemoryEventLog(), MemoryFaceIndex()
        memory = MemorySubscriptions(events, index)
        return Stores(memory, memory.notifications, events, index, memory)
    return request.getfixturevalue("in_postgres")


@pytest.fixture
def in_postgres(connections: Database, delivering: Database, database: str) -> Iterator[Stores]:
    """Each part as the function that uses it; what expires as the owner."""
    api = connections
    with closing(Database(database)) as owner:
        yield Stores(
            PgSubscriptions(api),
            PgNotifications(delivering),
            PgEventLog(api),
            PgFaceIndex(api),
            PgSubscriptions(owner),
            database,
        )


@pytest.fixture
def delivering(delivering_database: str) -> Iterator[Database]:
    """Connections of the function that sends."""
    with closing(Database(delivering_database)) as made:
        yield made


def test_a_subscription_is_read_back_without_its_contact(stores: Stores) -> None:
    made = stores.subscribe(bib="42", selfies=1, faces=(ADA,), text_version="2026-05")
    assert stores.subscriptions.get("race", made.subscription_id) == made
    assert (made.bib, made.selfies, made.text_version, made.channel) == ("42", 1, "2026-05", Channel.FCM)
    assert ADDRESS not in repr(made)
    for album, subscription_id in (("other", made.subscription_id), ("race", str(uuid4())), ("race", "x")):
        with pytest.raises(UnknownSubscription):
            stores.subscriptions.get(album, subscription_id)


def test_photos_that_fit_are_told_once(stores: Stores) -> None:
    by_face = stores.subscribe(address="a", faces=(ADA,), selfies=1)
    by_bib = stores.subscribe(address="b", bib="42")
    both = stores.subscribe(address="c", bib="42", faces=(ADA,))
    one = stores.index_photo(1, LIKE_ADA, BEA)
    two = stores.index_photo(2, BEA, bibs=("42",))
    stores.index_photo(3, BEA, bibs=("43",))
    for _ in range(2):
        stores.match()
    assert stores.told(by_face) == [ids(one)]
    assert stores.told(by_bib) == [ids(two)]
    assert stores.told(both) == [ids(one, two)]
    stores.index_photo(1, LIKE_ADA, generation=2)
    assert stores.told(both) == []


def test_faces_of_other_spaces_and_albums_are_not_compared(stores: Stores) -> None:
    other_space = stores.subscribe(address="a", faces=(embedding(ADA.vector, "another-space"),))
    other_album = stores.subscribe(address="b", faces=(ADA,), album="other")
    stores.index_photo(1, ADA)
    assert stores.told(other_space) == stores.told(other_album) == []


def test_photos_that_were_indexed_before_are_not_told(stores: Stores) -> None:
    old = stores.index_photo(1, ADA, bibs=("42",))
    made = stores.subscribe(faces=(ADA,), bib="42")
    stores.record(EventType.FACE_INDEXED, old, again=1)  # by another pipeline version
    assert stores.told(made) == []
    stores.record(EventType.BIB_CORRECTED, old)
    assert stores.told(made) == [ids(old)]


def test_messages_come_once_a_minute_at_most(stores: Stores) -> None:
    made = stores.subscribe(bib="42")
    first = stores.index_photo(1, bibs=("42",))
    stores.match()
    claim = stores.claimed(made)
    second = stores.index_photo(2, bibs=("42",))
    stores.match()
    assert stores.claim(made) is None, "it is leased"
    stores.finish(claim)
    third = stores.index_photo(3, bibs=("42",))
    stores.match()
    stores.later(MESSAGE_EVERY - timedelta(seconds=1))
    assert stores.notifications.due(stores.now) == []
    assert stores.claim(made) is None
    stores.later(timedelta(seconds=1))
    assert stores.notifications.due(stores.now) == [made.subscription_id]
    assert (claim.photo_ids, stores.claimed(made).photo_ids) == (ids(first), ids(second, third))


def test_a_repeated_message_is_the_same(stores: Stores) -> None:
    made = stores.subscribe(bib="42")
    first = stores.index_photo(1, bibs=("42",))
    stores.match()
    before = stores.claimed(made)
    second = stores.index_photo(2, bibs=("42",))
    stores.match()
    stores.later(LEASE + timedelta(seconds=1))  # the process was killed
    again = stores.claimed(made)
    assert again == before
    assert again.photo_ids == ids(first)
    stores.finish(again)
    stores.later(MESSAGE_EVERY)
    follows = stores.claimed(made)
    assert (follows.photo_ids, follows.number) == (ids(second), before.number + 1)


def test_many_photos_are_told_in_several_messages(stores: Stores) -> None:
    made = stores.subscribe(bib="42")
    photos = [stores.index_photo(number, bibs=("42",)) for number in range(MAX_PHOTOS_A_MESSAGE + 1)]
    first, second = stores.told(made)
    assert (len(first), len(second)) == (MAX_PHOTOS_A_MESSAGE, 1)
    assert tuple(sorted((*first, *second))) == ids(*photos)


def test_what_fails_is_tried_again_and_ends_after_three_days(stores: Stores) -> None:
    made = stores.subscribe(bib="42")
    stores.index_photo(1, bibs=("42",))
    stores.match()
    for delay in RETRY_DELAYS:
        sent = stores.finish(stores.claimed(made), Outcome.FAILED)
        assert sent.ended is None
        assert stores.claim(made) is None
        stores.later(delay + timedelta(minutes=15))  # and the pause of what it goes through
    assert stores.finish(stores.claimed(made), Outcome.FAILED).ended is EndReason.FAILING
    assert stores.reasons() == ["failing"]


def test_a_contact_that_is_gone_ends_the_subscription(stores: Stores) -> None:
    made = stores.subscribe(bib="42")
    stores.index_photo(1, bibs=("42",))
    stores.match()
    assert stores.finish(stores.claimed(made), Outcome.GONE).ended is EndReason.GONE
    with pytest.raises(UnknownSubscription):
        stores.subscriptions.get("race", made.subscription_id)
    assert stores.claim(made) is None
    assert stores.reasons() == ["gone"]


def test_a_destination_has_a_few_places_and_a_failing_one_only_one(stores: Stores) -> None:
    limit = places(Channel.WEBHOOK, HEALTHY, stores.now)
    made = [stores.subscribe(Channel.WEBHOOK, "host", owner=f"user:{number}", bib="42") for number in range(limit + 2)]
    other = stores.subscribe(Channel.WEBHOOK, "other", bib="42")
    stores.index_photo(1, bibs=("42",))
    stores.match()
    due = stores.notifications.due(stores.now)
    assert len(due) == limit + 1
    assert other.subscription_id in due
    claims = [claim for one in made if (claim := stores.claim(one)) is not None]
    assert len(claims) == limit
    assert stores.claim(other) is not None, "one that is slow takes no place from others"
    assert len(stores.finish(claims[0]).due) == 1
    assert stores.finish(claims[1], Outcome.FAILED).due == ()
    stores.finish(claims[2], Outcome.FAILED)
    stores.later(ANNOUNCE_AGAIN_AFTER + timedelta(minutes=1))
    assert len([one for one in made if stores.claim(one) is not None]) == 1


def test_an_address_is_asked_before_anything_is_told(stores: Stores) -> None:
    made = stores.subscribe(Channel.EMAIL, bib="42")
    one = stores.index_photo(1, bibs=("42",))
    stores.match()
    asked = stores.claimed(made)
    assert asked.asks_to_confirm
    stores.finish(asked)
    stores.later(timedelta(hours=1))
    assert stores.claim(made) is None
    for _ in range(2):
        confirmed = stores.subscriptions.confirm(made.subscription_id, now=stores.now)
        assert confirmed is not None
        assert confirmed == stores.subscriptions.find(made.subscription_id) == replace(made, confirmed_at=stores.now)
    assert stores.claimed(made).photo_ids == ids(one)
    assert stores.subscriptions.confirm(str(uuid4()), now=stores.now) is None


def test_an_address_that_does_not_confirm_is_forgotten(stores: Stores) -> None:
    stores.subscribe(Channel.EMAIL, bib="42")
    assert stores.expiring.expire(stores.later(CONFIRM_WITHIN - timedelta(seconds=1))) == 0
    assert stores.expiring.expire(stores.later(timedelta(seconds=1))) == 1
    assert stores.reasons() == ["not_confirmed"]


def test_an_address_is_asked_a_few_times_a_day_whoever_asks(stores: Stores) -> None:
    for number in range(MAX_CONFIRMATIONS_A_DAY):
        made = stores.subscribe(Channel.EMAIL, bib="42", owner=f"user:{number}")
        stores.subscriptions.end(made.subscription_id, EndReason.REQUESTED, now=stores.now)
    with pytest.raises(Conflict, match="asked"):
        stores.subscribe(Channel.EMAIL, bib="42", owner="user:99")
    stores.subscribe(Channel.EMAIL, "other@example.org", bib="42")
    stores.later(timedelta(days=1, seconds=1))
    stores.subscribe(Channel.EMAIL, bib="42", owner="user:99")


def test_the_same_contact_again_replaces_and_keeps_the_confirmation(stores: Stores) -> None:
    made = stores.subscribe(Channel.EMAIL, bib="42")
    stores.subscriptions.confirm(made.subscription_id, now=stores.now)
    stores.later(timedelta(seconds=5))
    again = stores.subscribe(Channel.EMAIL, bib="43")
    assert (again.subscription_id, again.bib) == (made.subscription_id, "43")
    assert again.confirmed_at == made.created_at
    assert [one.bib for one in stores.subscriptions.of_owner("race", "user:1", limit=9)] == ["43"]
    stranger = stores.subscribe(Channel.EMAIL, bib="42", owner="user:2")
    assert (stranger.subscription_id != made.subscription_id, stranger.confirmed_at) == (True, None)


def test_each_caller_has_a_limit_and_lists_their_own(stores: Stores) -> None:
    made = {stores.subscribe(address=str(one), bib="1", max_of_owner=3).subscription_id for one in range(3)}
    with pytest.raises(Conflict, match="3 subscriptions"):
        stores.subscribe(address="4", bib="1", max_of_owner=3)
    stores.subscribe(address="4", bib="1", owner="user:2")
    first = stores.subscriptions.of_owner("race", "user:1", limit=2)
    rest = stores.subscriptions.of_owner("race", "user:1", limit=2, after=first[-1].subscription_id)
    assert {one.subscription_id for one in (*first, *rest)} == made
    [count] = stores.subscriptions.counts("race")
    assert (count.channel, count.is_confirmed, count.subscriptions) == (Channel.FCM, True, 4)
    assert stores.subscriptions.counts("other") == stores.subscriptions.of_owner("other", "user:1", limit=9) == []


def test_a_subscription_ends_with_its_time(stores: Stores) -> None:
    made = stores.subscribe(bib="42", ends_at=stores.now + timedelta(days=1))
    stores.index_photo(1, bibs=("42",))
    stores.match()
    stores.later(timedelta(days=1))
    assert stores.claim(made) is None
    assert stores.notifications.due(stores.now) == []
    stores.index_photo(2, bibs=("42",))
    stores.match()
    assert stores.expiring.expire(stores.now) == 1
    assert stores.reasons() == ["expired"]


def test_ending_is_recorded_once_and_forgets_everything(stores: Stores) -> None:
    made = stores.subscribe(bib="42", faces=(ADA,))
    stores.index_photo(1, ADA)
    stores.match()
    assert stores.subscriptions.end(made.subscription_id, EndReason.REQUESTED, now=stores.now)
    assert not stores.subscriptions.end(made.subscription_id, EndReason.REQUESTED, now=stores.now)
    assert stores.subscriptions.find(made.subscription_id) is None
    assert stores.reasons() == ["requested"]
    if stores.database is not None:
        assert left_in_postgres(stores.database, [ADDRESS]) == []


def test_events_have_no_contact(stores: Stores) -> None:
    made = stores.subscribe(Channel.EMAIL, bib="4711", faces=(ADA,))
    stores.subscriptions.end(made.subscription_id, EndReason.REQUESTED, now=stores.now)
    told = stores.events.page("race", EVERYTHING, after=0, limit=99).events
    assert [one.event.type for one in told] == [EventType.SUBSCRIPTION_CREATED, EventType.SUBSCRIPTION_ENDED]
    for one in told:
        assert ADDRESS not in repr(one)
        assert "4711" not in repr(one.event.data)


class TestPostgres:
    """What only a database with rights and erasures shows."""

    @pytest.fixture
    def stores(self, in_postgres: Stores) -> Stores:
        return in_postgres

    @pytest.fixture
    def owner(self, database: str) -> Iterator[psycopg.Connection[Any]]:
        with psycopg.connect(database, autocommit=True) as conn:
            yield conn

    def enrolled(self, owner: psycopg.Connection[Any], *pictures: str) -> str:
        person_id = str(uuid4())
        owner.execute(
            "INSERT INTO person (person_id, album_id) SELECT %s, album_id FROM album WHERE name = 'race'", [person_id]
        )
        for picture in pictures:
            owner.execute(
                "WITH made AS (INSERT INTO enrolment (upload_id, person_id, status, expires_at)"
                " VALUES (gen_random_uuid(), %s, 'accepted', now()) RETURNING upload_id)"
                " INSERT INTO person_embedding (upload_id, space_id, quality, embedding)"
                " SELECT upload_id, space_id, 1, %s FROM made, embedding_space LIMIT 1",
                [person_id, picture],
            )
        return person_id

    def test_photos_that_clustering_finds_later_are_told(self, stores: Stores, owner: psycopg.Connection[Any]) -> None:
        old = stores.index_photo(1, ADA)
        person_id = self.enrolled(owner)
        made = stores.subscribe(person_id=person_id)
        new = stores.index_photo(2, ADA)
        assert stores.told(made) == []
        for one in (old, new):
            owner.execute(
                "INSERT INTO person_face (album_id, face_id, person_id, source, photo_id, box_x, box_y, box_w, box_h)"
                " SELECT album_id, face_id, %s, 'clustered', photo_id, 0, 0, 0, 0 FROM face WHERE photo_id = %s",
                [person_id, one.photo_id],
            )
        for _ in range(2):
            stores.notifications.match_people(stores.now)
        assert stores.told(made) == [ids(new)]

    def test_erasing_a_person_ends_what_is_about_them(
        self, stores: Stores, owner: psycopg.Connection[Any], connections: Database
    ) -> None:
        stores.index_photo(1, ADA)
        person_id = self.enrolled(owner, "[1,0,0,0]")
        by_id = stores.subscribe(address="a", person_id=person_id)
        by_selfie = stores.subscribe(address="b", faces=(LIKE_ADA,), selfies=1)
        other = stores.subscribe(address="c", faces=(BEA,), selfies=1)
        about = {one.subscription_id for one in stores.subscriptions.about("race", person_id)}
        assert about == {by_id.subscription_id, by_selfie.subscription_id}
        erase(connections, ErasureKind.PERSON, person_id)
        [left] = stores.subscriptions.of_owner("race", "user:1", limit=9)
        assert left == other
        tokens = [person_id, by_selfie.subscription_id, by_id.subscription_id]
        found = [one for one in left_in_postgres(stores.database or "", tokens) if not one.startswith("album_event")]
        assert found == []

    def test_erasing_a_photo_or_an_album_leaves_nothing_to_tell(self, stores: Stores, connections: Database) -> None:
        made = stores.subscribe(bib="42", faces=(ADA,))
        one = stores.index_photo(1, ADA)
        stores.match()
        erase(connections, ErasureKind.PHOTO, one.photo_id)
        assert left_in_postgres(stores.database or "", [str(one.photo_id)]) == []
        assert stores.claim(made) is None
        erase(connections, ErasureKind.ALBUM, "race")
        with psycopg.connect(stores.database or "") as conn:
            for table in ("subscription", "subscription_contact", "subscription_template", "subscription_match"):
                assert conn.execute(f"SELECT * FROM {table}").fetchall() == []  # type: ignore[call-overload]

    def test_opting_out_ends_subscriptions_by_the_same_face(self, stores: Stores, connections: Database) -> None:
        stores.subscribe(address="a", faces=(LIKE_ADA,), selfies=1)
        elsewhere = stores.subscribe(address="b", faces=(LIKE_ADA,), selfies=1, album="other")
        other = stores.subscribe(address="c", faces=(BEA,), selfies=1)
        PgSuppressionList(connections).add("race", [ADA], min_similarity=0.5, by="k")
        assert stores.subscriptions.of_owner("race", "user:1", limit=9) == [other]
        assert stores.subscriptions.of_owner("other", "user:1", limit=9) == [elsewhere]
        PgSuppressionList(connections).add(None, [ADA], min_similarity=0.5, by="k")
        assert stores.subscriptions.of_owner("other", "user:1", limit=9) == []
        assert stores.reasons() == ["opted_out"]

    def test_no_function_reads_faces_and_only_the_sender_contacts(
        self, database: str, function_database: str, delivering_database: str
    ) -> None:
        for url, table in (
            (function_database, "subscription_template"),
            (function_database, "subscription_contact"),
            (delivering_database, "subscription_template"),
            (delivering_database, "face"),
            (url_of(database, LIVE_USER), "subscription"),
            (url_of(database, LIVE_USER), "subscription_contact"),
        ):
            with psycopg.connect(url) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(f"SELECT * FROM {table}")  # type: ignore[call-overload]

    def test_two_processes_match_the_same_events_once(self, stores: Stores, delivering: Database) -> None:
        made = stores.subscribe(bib="42")
        photos = [stores.index_photo(number, bibs=("42",)) for number in range(3)]
        other = replace(stores, notifications=PgNotifications(delivering))
        other.match()
        assert stores.told(made) == [ids(*photos)]


def erase(connections: Database, kind: ErasureKind, target: str) -> None:
    PgErasures(connections).begin(ErasureTarget(kind=kind, album="race", id=target), reason=Reason.REQUEST)

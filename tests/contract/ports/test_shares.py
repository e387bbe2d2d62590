"""The promises of Shares, Sessions, AlbumCards and FindMeFeedback, kept by every implementation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest

from photofinish.adapters.memory.shares import MemoryAlbumCards, MemoryFindMeFeedback, MemorySessions, MemoryShares
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.events.log import PgEventLog
from photofinish.adapters.postgres.faces import PgFaceIndex
from photofinish.adapters.postgres.shares import PgAlbumCards, PgFindMeFeedback, PgSessions, PgShares
from photofinish.application.sharing import create_share
from photofinish.domain.access import Scope
from photofinish.domain.album_card import AlbumCard, Downloads
from photofinish.domain.album_event import EventFilter, EventType
from photofinish.domain.sessions import Session, SessionToken
from photofinish.domain.shares import Share, ShareMay, ShareToken
from photofinish.errors import RejectedInput
from photofinish.ports import AlbumCards, FindMeFeedback, Sessions, Shares
from support.erasing import erase_rows
from support.faces import face, photo
from support.index import add

NOW = datetime.now(UTC).replace(microsecond=0)
PHOTO = photo("race/1.jpg")
CARD = AlbumCard(title="Frühlingslauf", held_on=date(2026, 5, 1), watermark="© us", downloads=Downloads.ORIGINAL)


@dataclass
class Stores:
    """All four over one database, or none; and the faces of PHOTO."""

    shares: Shares
    sessions: Sessions
    cards: AlbumCards
    feedback: FindMeFeedback
    faces: list[str]


@pytest.fixture(params=["memory", "postgres"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "memory":
        sessions = MemorySessions()
        faces = ["0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f", "5d1a0f9e-27c6-4f0b-8a35-c1d2e3f40516"]

        def has_face(album: str, photo_id: str, face_id: str) -> bool:
            return (album, photo_id) == ("race", PHOTO.photo_id) and face_id in faces

        return Stores(MemoryShares(sessions), sessions, MemoryAlbumCards(), MemoryFindMeFeedback(has_face), faces)
    database: Database = request.getfixturevalue("connections")
    add(PgFaceIndex(database), PHOTO, [face(), face()], [])
    with database.transaction() as conn:
        rows = conn.execute("SELECT face_id FROM face ORDER BY face_id").fetchall()
    return Stores(
        PgShares(database),
        PgSessions(database),
        PgAlbumCards(database),
        PgFindMeFeedback(database),
        [str(face_id) for (face_id,) in rows],
    )


def new_share(
    shares: Shares, album: str = "race", *, pin: str | None = None, days: int = 1
) -> tuple[Share, ShareToken]:
    return create_share(
        shares,
        album,
        label="poster",
        may=ShareMay.BROWSE,
        downloads=Downloads.ORIGINAL,
        pin=pin,
        expires_at=NOW + timedelta(days=days),
        now=NOW,
    )


class TestCards:
    def test_a_card_is_that_of_its_album_and_replaced_as_a_whole(self, stores: Stores) -> None:
        assert stores.cards.card("race") is None
        stores.cards.set_card("race", CARD)
        stores.cards.set_card("race", CARD)
        assert stores.cards.card("race") == CARD
        assert stores.cards.card("other") is None
        stores.cards.set_card("race", AlbumCard())
        assert stores.cards.card("race") == AlbumCard()

    @pytest.mark.parametrize("album", ["", "..", "a/b", "a\0b"])
    def test_a_name_that_cannot_be_an_album_is_refused(self, stores: Stores, album: str) -> None:
        with pytest.raises(RejectedInput, match="cannot be the name of an album"):
            stores.cards.set_card(album, CARD)
        with pytest.raises(RejectedInput, match="cannot be the name of an album"):
            new_share(stores.shares, album)
        assert stores.cards.card(album) is None
        assert stores.shares.of_album(album) == []


class TestShares:
    def test_a_share_is_found_by_its_token_and_its_id(self, stores: Stores) -> None:
        share, token = new_share(stores.shares, pin="204816")
        assert stores.shares.with_token(token.sha256) == share
        assert stores.shares.get(share.share_id) == share
        assert stores.shares.with_token(ShareToken.generate().sha256) is None
        assert stores.shares.get("no id") is None
        assert share.pin is not None
        assert share.pin.is_of("204816")

    def test_shares_are_listed_by_album(self, stores: Stores) -> None:
        share, _ = new_share(stores.shares)
        new_share(stores.shares, "other")
        assert stores.shares.of_album("race") == [share]
        assert stores.shares.of_album("nowhere") == []

    def test_a_share_is_revoked_in_its_album_alone_and_once(self, stores: Stores) -> None:
        share, token = new_share(stores.shares)
        assert not stores.shares.revoke("other", share.share_id)
        assert not stores.shares.revoke("race", "no id")
        assert stores.shares.is_open(share.share_id, NOW)
        assert stores.shares.revoke("race", share.share_id)
        revoked = stores.shares.with_token(token.sha256)
        assert revoked is not None
        assert revoked.revoked_at is not None
        assert stores.shares.revoke("race", share.share_id)
        assert stores.shares.get(share.share_id) == revoked
        assert not stores.shares.is_open(share.share_id, NOW)

    def test_a_share_is_open_until_it_expires(self, stores: Stores) -> None:
        share, _ = new_share(stores.shares)
        assert stores.shares.is_open(share.share_id, share.expires_at - timedelta(seconds=1))
        assert not stores.shares.is_open(share.share_id, share.expires_at)
        assert not stores.shares.is_open("no id", NOW)

    def test_expired_shares_go_with_their_sessions(self, stores: Stores) -> None:
        (old, _), (new, _) = new_share(stores.shares), new_share(stores.shares, days=2)
        tokens = [SessionToken.generate().sha256 for _ in range(2)]
        for share, token in zip((old, new), tokens, strict=True):
            session = Session(kind="share", principal_id=share.share_id, expires_at=NOW + timedelta(days=7))
            stores.sessions.start(token, session)
        assert stores.shares.expire(old.expires_at + timedelta(hours=1)) == 1
        assert stores.shares.of_album("race") == [new]
        assert [stores.sessions.find(token, NOW) is None for token in tokens] == [True, False]


class TestSessions:
    @pytest.mark.parametrize(
        "session",
        [
            Session(kind="key", principal_id="k", expires_at=NOW),
            Session(kind="user", principal_id="ada", expires_at=NOW, is_anonymous=True),
            Session(kind="user", principal_id="ada", expires_at=NOW, scope=Scope.WRITE, albums=frozenset({"a", "b"})),
            Session(kind="user", principal_id="ada", expires_at=NOW, scope=Scope.ADMIN),
        ],
    )
    def test_a_session_is_found_until_it_ends(self, stores: Stores, session: Session) -> None:
        token = SessionToken.generate().sha256
        stores.sessions.start(token, session)
        assert stores.sessions.find(token, NOW - timedelta(seconds=1)) == session
        assert stores.sessions.find(token, NOW) is None
        stores.sessions.end(token)
        stores.sessions.end(token)
        assert stores.sessions.find(token, NOW - timedelta(seconds=1)) is None

    def test_ended_sessions_are_deleted(self, stores: Stores) -> None:
        for days in (1, 2):
            session = Session(kind="key", principal_id="k", expires_at=NOW + timedelta(days=days))
            stores.sessions.start(SessionToken.generate().sha256, session)
        assert stores.sessions.expire(NOW + timedelta(days=1, hours=1)) == 1
        assert stores.sessions.expire(NOW + timedelta(days=1, hours=1)) == 0


class TestFeedback:
    def test_the_latest_opinion_of_each_caller_counts(self, stores: Stores) -> None:
        one, other = stores.faces

        def give(face_id: str, caller: bytes, is_me: bool) -> bool:
            return stores.feedback.give("race", PHOTO.photo_id, face_id, caller=caller, is_me=is_me)

        assert give(one, b"a", False)
        assert give(one, b"a", True)
        assert give(one, b"b", False)
        assert give(other, b"a", False)
        first, second = stores.feedback.of_album("race", limit=10, after=None)
        assert (first.face_id, first.yes, first.no) == (other, 0, 1)
        assert (second.photo_id, second.face_id, second.yes, second.no) == (PHOTO.photo_id, one, 1, 1)
        assert stores.feedback.of_album("race", limit=1, after=None) == [first]
        assert stores.feedback.of_album("race", limit=10, after=(first.last_at, first.face_id)) == [second]
        assert stores.feedback.of_album("nowhere", limit=10, after=None) == []

    def test_an_opinion_is_about_a_face_that_the_photo_has(self, stores: Stores) -> None:
        one, unknown = stores.faces[0], "fe1e3f30-c578-5f3e-86c1-aa97f51b4515"
        for album, photo_id, face_id in (
            ("other", PHOTO.photo_id, one),
            ("race", "0" * 32, one),
            ("race", PHOTO.photo_id, unknown),
        ):
            assert not stores.feedback.give(album, photo_id, face_id, caller=b"a", is_me=True)
        assert stores.feedback.of_album("race", limit=10, after=None) == []


def test_each_fact_is_one_event(connections: Database) -> None:
    shares, cards = PgShares(connections), PgAlbumCards(connections)
    for _ in range(2):
        cards.set_card("race", CARD)
    share, _ = new_share(shares)
    for _ in range(2):
        shares.revoke("race", share.share_id)
    told = [one.event for one in PgEventLog(connections).page("race", EventFilter(), after=0, limit=10).events]
    assert [event.type for event in told] == [
        EventType.ALBUM_CHANGED,
        EventType.SHARE_CREATED,
        EventType.SHARE_REVOKED,
    ]
    assert told[1].data == {"share_id": share.share_id, "may": "browse"}


def test_erasing_an_album_removes_all_of_it(connections: Database) -> None:
    add(PgFaceIndex(connections), PHOTO, [face()], [])
    PgAlbumCards(connections).set_card("race", CARD)
    share, token = new_share(PgShares(connections))
    session, sessions = SessionToken.generate().sha256, PgSessions(connections)
    sessions.start(session, Session(kind="share", principal_id=share.share_id, expires_at=NOW + timedelta(days=1)))
    with connections.transaction() as conn:
        [(face_id,)] = conn.execute("SELECT face_id FROM face").fetchall()
    feedback = PgFindMeFeedback(connections)
    assert feedback.give("race", PHOTO.photo_id, str(face_id), caller=b"a", is_me=True)
    erase_rows(connections, "race")
    assert PgAlbumCards(connections).card("race") is None
    assert PgShares(connections).with_token(token.sha256) is None
    assert sessions.find(session, NOW) is None
    assert feedback.of_album("race", limit=10, after=None) == []

"""A withdrawal of consent that dies between any two steps is finished by the sweep; nothing is sent again."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from photofinish.adapters.memory.album_policies import MemoryAlbumPolicies
from photofinish.adapters.memory.documents import MemoryDocuments
from photofinish.adapters.postgres.albums import PgAlbums
from photofinish.adapters.postgres.consents import PgConsents
from photofinish.adapters.postgres.erasing.erasures import PgErasures
from photofinish.adapters.postgres.people.changes import PgPeopleChanges
from photofinish.adapters.postgres.people.enrolments import PgEnrolments
from photofinish.adapters.postgres.suppression import PgSuppressionList
from photofinish.application.consent.opting_out import OptOuts
from photofinish.application.consent.recording import record_consent
from photofinish.application.erasing import ErasureRequests
from photofinish.domain.album_policy import AlbumPolicy
from photofinish.domain.consent import ConsentAction, ConsentStatement
from photofinish.domain.erasure import Reason
from photofinish.domain.people import WeightedEmbedding
from support.crashing import Bomb, Killed
from support.faces import embedding
from support.people import BY, CALIBRATION, TestAlbum

PURPOSE = "race photos"
NOW = datetime.now(UTC)
READS = {"get", "photos", "faces", "uploads", "indexed_faces", "not_applied", "count_photos", "count_faces"}


@dataclass
class Race:
    """An album with Ann and Ben on two photos, and Ann on a third one where only a person recognised her."""

    album: TestAlbum
    ann: str
    of_ann: set[str]
    of_others: set[str]

    @classmethod
    def fill(cls, album: TestAlbum) -> Race:
        first, second = album.add("1", "ann", "ben"), album.add("2", "ann", "ben")
        third = album.add("3", "ann seen from behind")
        ann = album.people.create(album.name, name="Ann", by=BY).person_id
        PgPeopleChanges(album.database).confirm(album.name, ann, [first[0], *third], by=BY)
        enrolments = PgEnrolments(album.database)
        for upload in enrolments.add_uploads(album.name, ann, 2, expires_at=NOW + timedelta(hours=1)):
            picture = WeightedEmbedding(embedding(album.vector("ann")), 0.8)
            assert enrolments.accept(album.name, upload.upload_id, picture, min_similarity=0.1)
        return cls(album, ann, {first[0], second[0], *third}, {first[1], second[1]})

    def opt_outs(self, fuse: list[int]) -> OptOuts:
        database, documents = self.album.database, MemoryDocuments()
        requests = ErasureRequests(
            Bomb(PgErasures(database), fuse, reads=READS),
            documents,
            Bomb(documents, fuse, reads=READS),
            publish_people=lambda _: None,
        )
        return OptOuts(
            Bomb(PgSuppressionList(database), fuse, reads=READS),
            albums=PgAlbums(database),
            index=self.album.index,
            people=self.album.people,
            enrolments=Bomb(PgEnrolments(database), fuse, reads=READS),
            erase_faces=lambda album, ids: requests.request_faces(album, ids, reason=Reason.REQUEST),
            calibration=lambda: CALIBRATION,
        )

    def withdraw(self, fuse: list[int]) -> int:
        policies = MemoryAlbumPolicies()
        policies.set_policy(self.album.name, AlbumPolicy(purpose=PURPOSE))
        statement = ConsentStatement(action=ConsentAction.WITHDRAWN, purpose=PURPOSE, at=NOW, method="e-mail")
        consents: Any = Bomb(PgConsents(self.album.database), fuse, reads=READS)
        opt_outs = self.opt_outs(fuse)
        return record_consent(
            self.album.name, self.ann, statement, by=BY, consents=consents, policies=policies, opt_outs=opt_outs
        ).erased_faces

    def state(self) -> dict[str, Any]:
        database, name = self.album.database, self.album.name
        suppression = PgSuppressionList(database)
        known = self.album.index.embeddings(name, [*self.of_ann, *self.of_others])
        return {
            "faces of Ann": self.of_ann & known.keys(),
            "faces of others": self.of_others & known.keys(),
            "pictures": [one.status for one in PgEnrolments(database).uploads(name, self.ann)],
            "statements": [one.statement.action for one in PgConsents(database).records(name, self.ann)],
            "applied": [one.applied_at is not None for one in suppression.of_person(name, self.ann)],
            "refused": suppression.suppressed(name, [embedding(self.album.vector(who)) for who in ("ann", "ben")]),
        }


def test_every_crash_point_of_a_withdrawal_ends_with_nothing_of_the_person(album: TestAlbum) -> None:
    killed = 0
    for calls in itertools.count():
        race = Race.fill(TestAlbum(album.database, album.conninfo, f"race{calls}"))
        before = race.state()
        try:
            erased = race.withdraw([calls])
        except Killed:
            killed += 1
        else:
            break
        race.opt_outs([-1]).sweep()
        if calls == 0:
            assert race.state() == before, "it died before anything was recorded"
            continue
        assert race.state() == {
            "faces of Ann": set(),
            "faces of others": race.of_others,
            "pictures": [],
            "statements": [ConsentAction.WITHDRAWN],
            "applied": [True],
            "refused": [True, False],
        }, f"after a crash at point {calls}"
    assert erased == len(race.of_ann)
    assert killed >= 6, "a withdrawal has more steps than crash points were tried"


def test_a_withdrawal_without_a_picture_is_finished_too(album: TestAlbum) -> None:
    """A picture that is still awaited would be accepted later."""
    ann = album.people.create(album.name, name="Ann", by=BY).person_id
    enrolments = PgEnrolments(album.database)
    enrolments.add_uploads(album.name, ann, 1, expires_at=NOW + timedelta(hours=1))
    race = Race(album, ann, set(), set())
    with pytest.raises(Killed):
        race.withdraw([1])
    assert enrolments.uploads(album.name, ann)
    race.opt_outs([-1]).sweep()
    assert enrolments.uploads(album.name, ann) == []
    assert PgSuppressionList(album.database).of_person(album.name, ann) == [], "an entry that refuses nothing is gone"

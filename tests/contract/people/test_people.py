"""Promises of People and Users, in Postgres."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from photofinish.adapters.postgres.people.changes import PgPeopleChanges
from photofinish.domain.people import PeopleCount
from photofinish.errors import Conflict, NotFound, RejectedInput
from support.erasing import erase_rows
from support.faces import embedding, face
from support.index import VERSION, add
from support.people import ALBUM, BY, TestAlbum

UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


class TestPeople:
    def test_a_person_is_created_found_renamed_and_listed(self, album: TestAlbum) -> None:
        ann = album.people.create(ALBUM, name="  Ann  Müller-Lüdenscheid ", by=BY)
        cluster = album.people.create(ALBUM, by=BY)
        assert (ann.name, cluster.name) == ("Ann  Müller-Lüdenscheid", None)
        assert [person.person_id for person in album.people.find_by_name(ALBUM, "muller ANN")] == [ann.person_id]
        assert album.people.find_by_name(ALBUM, "Bea") == []
        renamed = album.people.rename(ALBUM, cluster.person_id, "Bea", by=BY)
        assert album.people.get(ALBUM, cluster.person_id) == renamed
        assert album.people.find_by_name(ALBUM, "bea") == [renamed]
        assert album.people.rename(ALBUM, cluster.person_id, None, by=BY).name is None
        listed = album.people.list_people(ALBUM, limit=10)
        assert {person.person_id for person in listed} == {ann.person_id, cluster.person_id}
        assert [person.person_id for person in album.people.list_people(ALBUM, limit=10, named=True)] == [ann.person_id]

    @pytest.mark.parametrize("name", ["", "   ", "x" * 201, "a\0b", "line\nbreak"])
    def test_an_unusable_name_is_refused(self, album: TestAlbum, name: str) -> None:
        with pytest.raises(RejectedInput) as refused:
            album.people.create(ALBUM, name=name, by=BY)
        assert refused.value.code == "person_name_not_allowed"
        assert album.people.list_people(ALBUM, limit=10) == []

    def test_albums_are_separate(self, album: TestAlbum) -> None:
        ann = album.people.create(ALBUM, name="Ann", by=BY)
        assert album.people.get("other", ann.person_id) is None
        assert album.people.find_by_name("other", "Ann") == []
        album.people.create("other", name="Ann", by=BY)
        with pytest.raises(NotFound):
            album.people.rename("other", ann.person_id, "Bea", by=BY)
        assert album.people.get(ALBUM, ann.person_id) == ann

    @pytest.mark.parametrize("person_id", [UNKNOWN_ID, "nonsense", "'; drop table person; --", ""])
    def test_an_unknown_person_is_not_found(self, album: TestAlbum, person_id: str) -> None:
        album.people.create(ALBUM, by=BY)
        assert album.people.get(ALBUM, person_id) is None
        assert album.people.embeddings(ALBUM, person_id) == []
        with pytest.raises(NotFound):
            album.people.rename(ALBUM, person_id, "Ann", by=BY)

    def test_people_are_listed_by_falling_number_of_faces(self, album: TestAlbum) -> None:
        people, users = album.people, album.users
        for number in range(7):
            users.create_user(ALBUM, f"user-{number}", by=BY)
            faces = [face for i in range(number % 3) for face in album.add(f"{number}-{i}", f"p{number}")]
            users.associate_faces(ALBUM, f"user-{number}", faces, min_similarity=0.5, by=BY)
        whole = people.list_people(ALBUM, limit=100)
        assert [person.face_count for person in whole] == [2, 2, 1, 1, 0, 0, 0]
        paged, after = [], None
        while page := people.list_people(ALBUM, limit=2, after=after):
            paged += page
            after = page[-1].person_id
        assert paged == whole

    def test_people_and_their_faces_are_counted_as_they_are_now(self, album: TestAlbum) -> None:
        people = album.people
        assert people.count("nothing was ever indexed here") == PeopleCount(people=0, on_photos=0, assigned_faces=0)
        album.add("1", "ann", "bea")
        album.add("2", "ann", "bea", "cleo")  # one face makes no cluster
        people.create(ALBUM, name="Not on a photo", by=BY)
        people.create("other", by=BY)
        album.clustering().photo_changed(ALBUM)
        count = people.count(ALBUM)
        assert count.people == len(people.list_people(ALBUM, limit=100)) == 3
        assert (count.on_photos, count.assigned_faces) == (2, 4)

    def test_a_cover_is_the_first_of_a_persons_faces(self, album: TestAlbum) -> None:
        people = album.people
        [weak] = album.add("weak", "ann", quality=0.5)
        [best] = album.add("best", "ann", quality=0.9)
        found = face(embedding(album.vector("ann")), quality=0.95)
        add(album.index, album.photo("clip"), [replace(found, box=replace(found.box, at_s=3.0))])  # has no picture
        other, _ = (album.add(f"other-{number}", "bea")[0] for number in range(2))
        album.clustering().photo_changed(ALBUM)
        ann, bea = (album.owners()[one] for one in (best, other))
        nowhere = people.create(ALBUM, by=BY).person_id
        asked = [ann, bea, nowhere, UNKNOWN_ID, "nonsense"]

        covers = people.covers(ALBUM, asked)
        assert covers.keys() == {ann, bea}
        assert covers[ann].face.face_id == best
        assert (covers[ann].face.photo, covers[ann].pipeline_version) == (album.photo("best"), VERSION)
        PgPeopleChanges(album.database).confirm(ALBUM, ann, [weak], by=BY)
        assert people.covers(ALBUM, asked)[ann].face.face_id == weak
        for person_id, cover in people.covers(ALBUM, asked).items():
            assert cover.face.face_id == people.faces(ALBUM, person_id, limit=1)[0].face.face_id
        assert people.covers("other", asked) == {}
        assert people.covers(ALBUM, []) == {}


class TestErasing:
    def test_an_erased_person_leaves_nothing_in_any_table(self, album: TestAlbum) -> None:
        people, users = album.people, album.users
        faces = album.add("1", "ann", "bea")
        users.create_user(ALBUM, "u-1", by=BY)
        users.associate_faces(ALBUM, "u-1", faces[:1], min_similarity=0.5, by=BY)
        user = users.get_user(ALBUM, "u-1")
        assert user is not None
        people.rename(ALBUM, user.person_id, "Ann Unmistakable", by=BY)
        users.disassociate_faces(ALBUM, "u-1", faces[:1], by=BY)
        assert "Unmistakable" in album.dump()
        erase_rows(album.database, ALBUM, person=user.person_id)
        after = album.dump()
        assert "Unmistakable" not in after
        assert "u-1" not in after
        tables = ("person", "person_face", "person_rejection", "person_number", "enrolment", "person_embedding")
        assert {table: album.sql(f"SELECT count(*) FROM {table}") for table in tables} == {
            table: [(0,)] for table in tables
        }
        assert len(album.sql("SELECT face_id FROM face")) == 2, "faces that are not the person's stay"

    def test_all_people_of_an_album_are_erased_together(self, album: TestAlbum) -> None:
        people, users = album.people, album.users
        users.create_user(ALBUM, "u-1", by=BY)
        users.associate_faces(ALBUM, "u-1", album.add("1", "ann"), min_similarity=0.5, by=BY)
        people.create("other", name="Bea", by=BY)
        erase_rows(album.database, ALBUM)
        assert people.list_people(ALBUM, limit=10) == []
        assert album.sql("SELECT count(*) FROM person_face") == [(0,)]
        assert len(people.list_people("other", limit=10)) == 1


class TestUsers:
    def test_a_user_id_is_unique_in_its_album(self, album: TestAlbum) -> None:
        first = album.users.create_user(ALBUM, "u-1", by=BY)
        with pytest.raises(Conflict) as refused:
            album.users.create_user(ALBUM, "u-1", by=BY)
        assert refused.value.code == "user_exists"
        assert album.users.create_user("other", "u-1", by=BY).person_id != first.person_id

    def test_users_are_listed_by_id_page_by_page(self, album: TestAlbum) -> None:
        for user in ("b", "a", "C", "d"):
            album.users.create_user(ALBUM, user, by=BY)
        album.people.create(ALBUM, name="no user", by=BY)
        assert [user.user_id for user in album.users.list_users(ALBUM, limit=3)] == ["C", "a", "b"]
        assert [user.user_id for user in album.users.list_users(ALBUM, limit=3, after="b")] == ["d"]

    def test_faces_are_associated_or_refused_with_reasons(self, album: TestAlbum) -> None:
        users = album.users
        [a1, b1], [a2], [b2] = album.add("1", "ann", "bea"), album.add("2", "ann"), album.add("3", "bea")
        users.create_user(ALBUM, "ann", by=BY)
        users.create_user(ALBUM, "bea", by=BY)
        first = users.associate_faces(ALBUM, "ann", [a1, UNKNOWN_ID, a1], min_similarity=0.5, by=BY)
        assert (first.changed, first.refused) == ((a1,), {UNKNOWN_ID: "unknown_face"})
        second = users.associate_faces(ALBUM, "ann", [a1, a2, b1], min_similarity=0.5, by=BY)
        assert (second.changed, second.refused) == ((a1, a2), {b1: "not_similar"})
        other = users.associate_faces(ALBUM, "bea", [b1, b2, a1], min_similarity=0.5, by=BY)
        assert (other.changed, other.refused) == ((b1, b2), {a1: "other_person"})
        assert users.user_faces(ALBUM, "ann") == sorted([a1, a2])
        assert users.users_of_faces(ALBUM, [a1, b1, UNKNOWN_ID]) == {a1: "ann", b1: "bea"}
        with pytest.raises(NotFound):
            users.associate_faces(ALBUM, "unknown", [a1], min_similarity=0.5, by=BY)

    def test_a_disassociated_face_can_be_associated_again(self, album: TestAlbum) -> None:
        users = album.users
        [a1], [a2] = album.add("1", "ann"), album.add("2", "ann")
        users.create_user(ALBUM, "ann", by=BY)
        users.associate_faces(ALBUM, "ann", [a1, a2], min_similarity=0.5, by=BY)
        taken = users.disassociate_faces(ALBUM, "ann", [a1, UNKNOWN_ID], by=BY)
        assert (taken.changed, taken.refused) == ((a1,), {UNKNOWN_ID: "unknown_face"})
        assert users.disassociate_faces(ALBUM, "ann", [a1], by=BY).refused == {a1: "not_theirs"}
        assert users.user_faces(ALBUM, "ann") == [a2]
        assert album.sql("SELECT count(*) FROM person_rejection") == [(1,)]
        assert users.associate_faces(ALBUM, "ann", [a1], min_similarity=0.5, by=BY).changed == (a1,)
        assert album.sql("SELECT count(*) FROM person_rejection") == [(0,)]

    def test_the_most_similar_user_is_found_first(self, album: TestAlbum) -> None:
        people, users = album.people, album.users
        for name in ("ann", "bea", "cid"):
            users.create_user(ALBUM, name, by=BY)
            faces = [album.add(f"{name}-{i}", name)[0] for i in range(3)]
            users.associate_faces(ALBUM, name, faces, min_similarity=0.5, by=BY)
        users.create_user(ALBUM, "faceless", by=BY)
        query = embedding(album.vector("bea"))
        found = users.search_users(ALBUM, query, limit=10, min_similarity=-1)
        assert found[0].person.user_id == "bea"
        assert len(found) == 3
        assert found[0].similarity > 0.8 > found[1].similarity
        assert [match.person.user_id for match in users.search_users(ALBUM, query, limit=1, min_similarity=0.5)] == [
            "bea"
        ]
        assert users.search_users(ALBUM, query, limit=10, min_similarity=0.5, without="bea") == []
        [ann] = people.embeddings(ALBUM, users.get_user(ALBUM, "ann").person_id)  # type: ignore[union-attr]
        assert float(ann.vector @ embedding(album.vector("ann", spread=0)).vector) > 0.9

    def test_a_face_of_a_removed_photo_does_not_count_any_more(self, album: TestAlbum) -> None:
        people, users = album.people, album.users
        [a1] = album.add("1", "ann")
        user = users.create_user(ALBUM, "ann", by=BY)
        users.associate_faces(ALBUM, "ann", [a1], min_similarity=0.5, by=BY)
        album.index.remove(album.photo("1"))
        assert users.user_faces(ALBUM, "ann") == []
        assert people.embeddings(ALBUM, user.person_id) == []
        assert users.search_users(ALBUM, embedding(np.ones(32)), limit=5, min_similarity=-1) == []

    def test_a_face_requested_by_many_users_at_once_is_given_to_one(self, album: TestAlbum) -> None:
        [a1] = album.add("1", "ann")
        user_ids = [f"u-{i}" for i in range(4)]
        for user_id in user_ids:
            album.users.create_user(ALBUM, user_id, by=BY)
        ready = threading.Barrier(len(user_ids))

        def associate(user_id: str) -> int:
            ready.wait()
            return len(album.users.associate_faces(ALBUM, user_id, [a1], min_similarity=0.5, by=BY).changed)

        with ThreadPoolExecutor(len(user_ids)) as pool:
            assert sum(pool.map(associate, user_ids)) == 1

"""What People and Users promise, in Postgres."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from photofinish.errors import Conflict, NotFound, RejectedInput
from support.faces import embedding
from support.people import ALBUM, BY, TestAlbum

NOBODY = "00000000-0000-4000-8000-000000000000"


class TestPeople:
    def test_a_person_is_made_found_renamed_and_listed(self, album: TestAlbum) -> None:
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
    def test_a_name_that_is_none_is_refused(self, album: TestAlbum, name: str) -> None:
        with pytest.raises(RejectedInput) as refused:
            album.people.create(ALBUM, name=name, by=BY)
        assert refused.value.code == "person_name_not_allowed"
        assert album.people.list_people(ALBUM, limit=10) == []

    def test_albums_are_apart(self, album: TestAlbum) -> None:
        ann = album.people.create(ALBUM, name="Ann", by=BY)
        assert album.people.get("other", ann.person_id) is None
        assert album.people.find_by_name("other", "Ann") == []
        album.people.create("other", name="Ann", by=BY)
        with pytest.raises(NotFound):
            album.people.rename("other", ann.person_id, "Bea", by=BY)
        assert not album.people.delete("other", ann.person_id, by=BY)
        assert album.people.get(ALBUM, ann.person_id) == ann

    @pytest.mark.parametrize("person_id", [NOBODY, "nonsense", "'; drop table person; --", ""])
    def test_nobody_is_nobody(self, album: TestAlbum, person_id: str) -> None:
        album.people.create(ALBUM, by=BY)
        assert album.people.get(ALBUM, person_id) is None
        assert album.people.embeddings(ALBUM, person_id) == []
        assert not album.people.delete(ALBUM, person_id, by=BY)
        with pytest.raises(NotFound):
            album.people.rename(ALBUM, person_id, "Ann", by=BY)

    def test_pages_are_by_falling_number_of_faces(self, album: TestAlbum) -> None:
        people = album.people
        for number in range(7):
            people.create_user(ALBUM, f"user-{number}", by=BY)
            faces = [face for i in range(number % 3) for face in album.add(f"{number}-{i}", f"p{number}")]
            people.associate_faces(ALBUM, f"user-{number}", faces, min_similarity=0.5, by=BY)
        whole = people.list_people(ALBUM, limit=100)
        assert [person.face_count for person in whole] == [2, 2, 1, 1, 0, 0, 0]
        paged, after = [], None
        while page := people.list_people(ALBUM, limit=2, after=after):
            paged += page
            after = page[-1].person_id
        assert paged == whole


class TestDelete:
    def test_nothing_of_a_deleted_person_stays_in_any_table(self, album: TestAlbum) -> None:
        people = album.people
        faces = album.add("1", "ann", "bea")
        people.create_user(ALBUM, "u-1", by=BY)
        people.associate_faces(ALBUM, "u-1", faces[:1], min_similarity=0.5, by=BY)
        user = people.get_user(ALBUM, "u-1")
        assert user is not None
        people.rename(ALBUM, user.person_id, "Ann Unmistakable", by=BY)
        people.disassociate_faces(ALBUM, "u-1", faces[:1], by=BY)
        assert "Unmistakable" in album.dump()
        assert people.delete_user(ALBUM, "u-1", by=BY)
        after = album.dump()
        assert "Unmistakable" not in after
        assert "u-1" not in after
        tables = ("person", "person_face", "person_rejection", "person_number", "enrolment", "person_embedding")
        assert {table: album.sql(f"SELECT count(*) FROM {table}") for table in tables} == {
            table: [(0,)] for table in tables
        }
        assert not people.delete_user(ALBUM, "u-1", by=BY)
        assert [len(found) for found in [album.sql("SELECT face_id FROM face")]] == [2], "the photo's faces stay"

    def test_an_albums_people_are_dropped_together(self, album: TestAlbum) -> None:
        people = album.people
        people.create_user(ALBUM, "u-1", by=BY)
        people.associate_faces(ALBUM, "u-1", album.add("1", "ann"), min_similarity=0.5, by=BY)
        people.create("other", name="Bea", by=BY)
        people.drop_album(ALBUM)
        people.drop_album(ALBUM)
        people.drop_album("never was")
        assert people.list_people(ALBUM, limit=10) == []
        assert album.sql("SELECT count(*) FROM person_face") == [(0,)]
        assert len(people.list_people("other", limit=10)) == 1


class TestUsers:
    def test_a_user_id_is_unique_in_its_album(self, album: TestAlbum) -> None:
        first = album.people.create_user(ALBUM, "u-1", by=BY)
        with pytest.raises(Conflict) as refused:
            album.people.create_user(ALBUM, "u-1", by=BY)
        assert refused.value.code == "user_exists"
        assert album.people.create_user("other", "u-1", by=BY).person_id != first.person_id

    def test_users_come_in_the_order_of_their_ids_page_by_page(self, album: TestAlbum) -> None:
        for user in ("b", "a", "C", "d"):
            album.people.create_user(ALBUM, user, by=BY)
        album.people.create(ALBUM, name="no user", by=BY)
        assert [user.user_id for user in album.people.list_users(ALBUM, limit=3)] == ["C", "a", "b"]
        assert [user.user_id for user in album.people.list_users(ALBUM, limit=3, after="b")] == ["d"]

    def test_faces_are_given_and_refused_with_reasons(self, album: TestAlbum) -> None:
        people = album.people
        [a1, b1], [a2], [b2] = album.add("1", "ann", "bea"), album.add("2", "ann"), album.add("3", "bea")
        people.create_user(ALBUM, "ann", by=BY)
        people.create_user(ALBUM, "bea", by=BY)
        first = people.associate_faces(ALBUM, "ann", [a1, NOBODY, a1], min_similarity=0.5, by=BY)
        assert (first.changed, first.refused) == ((a1,), {NOBODY: "unknown_face"})
        second = people.associate_faces(ALBUM, "ann", [a1, a2, b1], min_similarity=0.5, by=BY)
        assert (second.changed, second.refused) == ((a1, a2), {b1: "not_similar"})
        other = people.associate_faces(ALBUM, "bea", [b1, b2, a1], min_similarity=0.5, by=BY)
        assert (other.changed, other.refused) == ((b1, b2), {a1: "other_person"})
        assert people.user_faces(ALBUM, "ann") == sorted([a1, a2])
        assert people.users_of_faces(ALBUM, [a1, b1, NOBODY]) == {a1: "ann", b1: "bea"}
        with pytest.raises(NotFound):
            people.associate_faces(ALBUM, "nobody", [a1], min_similarity=0.5, by=BY)

    def test_a_face_that_was_taken_away_can_be_given_again(self, album: TestAlbum) -> None:
        people = album.people
        [a1], [a2] = album.add("1", "ann"), album.add("2", "ann")
        people.create_user(ALBUM, "ann", by=BY)
        people.associate_faces(ALBUM, "ann", [a1, a2], min_similarity=0.5, by=BY)
        taken = people.disassociate_faces(ALBUM, "ann", [a1, NOBODY], by=BY)
        assert (taken.changed, taken.refused) == ((a1,), {NOBODY: "unknown_face"})
        assert people.disassociate_faces(ALBUM, "ann", [a1], by=BY).refused == {a1: "not_theirs"}
        assert people.user_faces(ALBUM, "ann") == [a2]
        assert album.sql("SELECT count(*) FROM person_rejection") == [(1,)]
        assert people.associate_faces(ALBUM, "ann", [a1], min_similarity=0.5, by=BY).changed == (a1,)
        assert album.sql("SELECT count(*) FROM person_rejection") == [(0,)]

    def test_the_most_similar_user_is_found_first(self, album: TestAlbum) -> None:
        people = album.people
        for name in ("ann", "bea", "cid"):
            people.create_user(ALBUM, name, by=BY)
            faces = [album.add(f"{name}-{i}", name)[0] for i in range(3)]
            people.associate_faces(ALBUM, name, faces, min_similarity=0.5, by=BY)
        people.create_user(ALBUM, "faceless", by=BY)
        looks = embedding(album.look("bea"))
        found = people.search_users(ALBUM, looks, limit=10, min_similarity=-1)
        assert found[0].person.user_id == "bea"
        assert len(found) == 3
        assert found[0].similarity > 0.8 > found[1].similarity
        assert [match.person.user_id for match in people.search_users(ALBUM, looks, limit=1, min_similarity=0.5)] == [
            "bea"
        ]
        assert people.search_users(ALBUM, looks, limit=10, min_similarity=0.5, without="bea") == []
        [ann] = people.embeddings(ALBUM, people.get_user(ALBUM, "ann").person_id)  # type: ignore[union-attr]
        assert float(ann.vector @ embedding(album.look("ann", spread=0)).vector) > 0.9

    def test_a_face_lost_by_its_photo_is_no_evidence_any_more(self, album: TestAlbum) -> None:
        people = album.people
        [a1] = album.add("1", "ann")
        user = people.create_user(ALBUM, "ann", by=BY)
        people.associate_faces(ALBUM, "ann", [a1], min_similarity=0.5, by=BY)
        album.index.remove(album.photo("1"))
        assert people.user_faces(ALBUM, "ann") == []
        assert people.embeddings(ALBUM, user.person_id) == []
        assert people.search_users(ALBUM, embedding(np.ones(32)), limit=5, min_similarity=-1) == []

    def test_of_many_who_want_a_face_at_once_one_gets_it(self, album: TestAlbum) -> None:
        people = album.people
        [a1] = album.add("1", "ann")
        users = [f"u-{i}" for i in range(4)]
        for user in users:
            people.create_user(ALBUM, user, by=BY)
        ready = threading.Barrier(len(users))

        def associate(user: str) -> int:
            ready.wait()
            return len(people.associate_faces(ALBUM, user, [a1], min_similarity=0.5, by=BY).changed)

        with ThreadPoolExecutor(len(users)) as pool:
            assert sum(pool.map(associate, users)) == 1

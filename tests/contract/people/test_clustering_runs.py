"""Clustering runs on a real database: one at a time, stable ids, no photo missed, decisions respected."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

import photofinish.application.people.clustering as people_clustering
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.people.changes import PgPeopleChanges
from photofinish.adapters.postgres.people.clusters import PgClusters
from photofinish.adapters.postgres.people.enrolments import PgEnrolments
from photofinish.analysis.models.catalogue import model_for
from photofinish.analysis.models.selection import known_calibrations
from photofinish.analysis.models.settings import ModelSettings, default_models_dir
from photofinish.application.people.clustering import PeopleClustering
from photofinish.domain.face import Face, face_id
from photofinish.domain.people import FaceSource, WeightedEmbedding
from support.faces import SPACE, embedding, face
from support.index import VERSION, add
from support.people import ALBUM, BY, CALIBRATION, TestAlbum

LONG_S = 30


@pytest.fixture
def clustering(album: TestAlbum) -> PeopleClustering:
    return album.clustering()


def partition(album: TestAlbum) -> set[frozenset[str]]:
    together: dict[str, set[str]] = {}
    for owned, person in album.owners().items():
        together.setdefault(person, set()).add(owned)
    return {frozenset(faces) for faces in together.values()}


def test_ids_are_stable_while_photos_arrive(album: TestAlbum, clustering: PeopleClustering) -> None:
    first = [album.add(f"a-{i}", "ann", "bea") for i in range(2)]
    clustering.photo_changed(ALBUM)
    ann, bea = (album.owners()[face_id] for face_id in first[0])
    assert ann != bea
    for number in range(5):
        new = album.add(f"b-{number}", "bea", "ann", "cid")
        clustering.photo_changed(ALBUM)
        assert [album.owners()[face_id] for face_id in new[:2]] == [bea, ann]
    assert len(set(album.owners().values())) == 3


def test_the_result_does_not_depend_on_the_order_of_arrival(album: TestAlbum, database: str) -> None:
    """A small album is clustered from scratch every time, so its photos may come in any order."""
    other = TestAlbum(album.database, database, name="backwards", rng=album.rng, _centers=album._centers)
    vectors = [(f"{i}", person, album.vector(person, spread=0.9)) for i in range(6) for person in ("ann", "bea", "cid")]
    found = []
    for name, photos in ((ALBUM, vectors), (other.name, vectors[::-1])):
        clustering = album.clustering()
        faces = {}
        for number, person, vector in photos:
            ref = album.photo(f"{person}-{number}") if name == ALBUM else other.photo(f"{person}-{number}")
            assert add(album.index, ref, [face(embedding(vector))])
            clustering.photo_changed(name)
            [(face_id,)] = album.sql("SELECT face_id FROM face WHERE photo_id = %s", ref.photo_id)
            faces[str(face_id)] = f"{person}-{number}"
        groups = [{faces[face_id] for face_id in group if face_id in faces} for group in partition(album)]
        found.append({frozenset(group) for group in groups if group})
    assert found[0] == found[1]
    assert any(len(group) > 1 for group in found[0])


def test_a_large_album_is_clustered_incrementally_until_a_full_run(
    album: TestAlbum, clustering: PeopleClustering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people_clustering, "ALWAYS_FULL_FACES", 0)
    ann = [album.add(f"ann-{i}", "ann")[0] for i in range(4)]
    clustering.photo_changed(ALBUM)
    [person] = set(album.owners().values())
    bea = [album.add(f"bea-{i}", "bea")[0] for i in range(3)]
    # Another person's faces joined this cluster, as they may while an album grows.
    with album.database.transaction() as conn:
        conn.execute(
            "INSERT INTO person_face SELECT album_id, face_id, %s, 'clustered', photo_id, box_x, box_y, box_w, box_h"
            " FROM face WHERE face_id = ANY (%s::uuid[])",
            [person, bea],
        )
    clustering.photo_changed(ALBUM)
    assert set(album.owners().values()) == {person}
    state = PgClusters(album.database).state(ALBUM)
    assert state is not None
    assert state.full_at is None
    assert clustering.sweep(full=True) == 1
    assert {album.owners()[face_id] for face_id in ann} == {person}
    assert {album.owners()[face_id] for face_id in bea} != {person}
    assert clustering.sweep(full=True) == 0, "nothing changed since"


def test_a_removed_photo_leaves_nothing(album: TestAlbum, clustering: PeopleClustering) -> None:
    [kept, gone] = album.add("1", "ann")[0], album.add("2", "ann")[0]
    album.add("3", "ann")
    clustering.photo_changed(ALBUM)
    changes = PgPeopleChanges(album.database)
    changes.confirm(ALBUM, album.owners()[gone], [gone], by=BY)
    album.index.remove(album.photo("2"))
    clustering.photo_changed(ALBUM)
    assert gone not in album.owners()
    assert kept in album.owners()
    for name in ("1", "3"):
        album.index.remove(album.photo(name))
    clustering.photo_changed(ALBUM)
    assert album.sql("SELECT count(*) FROM person") == [(0,)], "a cluster without faces is deleted"


def test_decisions_are_carried_over_to_a_new_analysis(album: TestAlbum, clustering: PeopleClustering) -> None:
    [ann], [other] = album.add("1", "ann"), album.add("2", "ann")
    album.add("3", "ann")
    clustering.photo_changed(ALBUM)
    person = album.owners()[ann]
    changes = PgPeopleChanges(album.database)
    changes.confirm(ALBUM, person, [ann], by=BY)
    changes.reject(ALBUM, person, [other], by=BY)
    for name in ("1", "2"):
        again = face(embedding(album.vector("ann")), x=0.05)
        assert add(album.index, album.photo(name), [again], version="2.test")
    clustering.photo_changed(ALBUM)
    assert ann not in album.owners()
    [(new_ann,)] = album.sql("SELECT face_id FROM face WHERE photo_id = %s", album.photo("1").photo_id)
    [(new_other,)] = album.sql("SELECT face_id FROM face WHERE photo_id = %s", album.photo("2").photo_id)
    assert album.sql("SELECT source FROM person_face WHERE face_id = %s", new_ann) == [(FaceSource.CONFIRMED,)]
    assert album.people.rejected_faces(ALBUM, person) == {str(new_other)}
    assert album.owners()[str(new_ann)] == person
    assert album.owners().get(str(new_other)) != person


def test_a_decision_is_not_carried_over_to_another_picture(album: TestAlbum, clustering: PeopleClustering) -> None:
    """The photo was overwritten by one of another person, whose face happens to be at the same position."""
    [ann] = album.add("1", "ann")
    album.add("2", "ann")
    clustering.photo_changed(ALBUM)
    person = album.owners()[ann]
    PgPeopleChanges(album.database).confirm(ALBUM, person, [ann], by=BY)
    album.people.rename(ALBUM, person, "Ann", by=BY)
    assert add(album.index, album.photo("1"), [face(embedding(album.vector("bea")), x=0.05)], version="2.test")
    clustering.photo_changed(ALBUM)
    assert album.sql("SELECT count(*) FROM person_face WHERE source = 'confirmed'") == [(0,)]
    assert album.people.get(ALBUM, person) is not None, "a person with a name stays"


def test_a_decision_in_a_video_goes_to_the_face_of_its_moment(album: TestAlbum, clustering: PeopleClustering) -> None:
    """A new analysis finds that Ann passes the same place twice, first a fifth of a second later than was known."""

    def passes(*times: float) -> list[Face]:
        found = face(embedding(album.vector("ann")))
        return [replace(found, box=replace(found.box, at_s=at_s)) for at_s in times]

    assert add(album.index, album.photo("1"), passes(4.0))
    album.add("2", "ann")
    clustering.photo_changed(ALBUM)
    first = face_id(album.photo("1"), VERSION, 0)
    PgPeopleChanges(album.database).confirm(ALBUM, album.owners()[first], [first], by=BY)
    assert add(album.index, album.photo("1"), passes(14.0, 4.2), version="2.test")
    clustering.photo_changed(ALBUM)
    confirmed = (
        "SELECT box_at_s FROM person_face JOIN face USING (album_id, face_id, box_at_s) WHERE source = 'confirmed'"
    )
    assert album.sql(confirmed) == [(4.2,)]


def test_many_results_at_once_need_few_runs_and_no_photo_is_missed(album: TestAlbum) -> None:
    runs = []
    database = Database(album.conninfo, max_connections=20)
    clustering = PeopleClustering(PgClusters(database), {SPACE: CALIBRATION}, publish=runs.append, run_every_s=0.2)

    def arrive(number: int) -> None:
        album.add(f"{number}", "ann")
        clustering.photo_changed(ALBUM)

    album.vector("ann")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(arrive, range(24)))
    database.close()
    assert len(album.owners()) == 24, "the last photo is clustered too"
    assert len(runs) < 24


def test_one_run_at_a_time_and_photos_that_arrive_meanwhile_are_clustered(album: TestAlbum) -> None:
    clusters = PgClusters(album.database)
    album.add("1", "ann"), album.add("2", "ann")
    running, go_on = threading.Event(), threading.Event()
    runs: list[str] = []

    def publish(name: str) -> None:
        runs.append(name)
        if len(runs) == 1:
            running.set()
            assert go_on.wait(LONG_S)

    clustering = PeopleClustering(clusters, {SPACE: CALIBRATION}, publish=publish, run_every_s=0)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(clustering.photo_changed, ALBUM)
        assert running.wait(LONG_S)
        [late] = album.add("3", "ann")
        album.clustering().photo_changed(ALBUM)  # another instance: it must not wait
        assert late not in album.owners()
        assert not album.clustering().run_full(ALBUM)
        go_on.set()
        first.result(LONG_S)
    assert late in album.owners()
    assert runs == [ALBUM, ALBUM]


def test_a_decision_during_a_run_wins(album: TestAlbum, monkeypatch: pytest.MonkeyPatch) -> None:
    """A decision made while the run computes is not overwritten: the run computes again."""
    [ann] = album.add("1", "ann")
    album.add("2", "ann"), album.add("3", "ann")
    clustering = album.clustering()
    clustering.photo_changed(ALBUM)
    person = album.owners()[ann]
    decide, attempts = PeopleClustering._decide, []

    def decide_meanwhile(self, content, *, full):  # type: ignore[no-untyped-def]
        attempts.append(full)
        if len(attempts) == 1:
            PgPeopleChanges(album.database).reject(ALBUM, person, [ann], by=BY)
        return decide(self, content, full=full)

    monkeypatch.setattr(PeopleClustering, "_decide", decide_meanwhile)
    clustering.run_full(ALBUM)
    assert len(attempts) == 2
    assert album.owners().get(ann) != person


def test_a_refused_picture_takes_no_faces(album: TestAlbum, clustering: PeopleClustering) -> None:
    """Its embedding is kept as long as another picture is awaited, which may decide otherwise."""
    enrolments = PgEnrolments(album.database)
    ann = album.people.create(ALBUM, name="Ann", by=BY).person_id
    expires_at = datetime.now(UTC) + timedelta(hours=1)
    uploads = [upload.upload_id for upload in enrolments.add_uploads(ALBUM, ann, 4, expires_at=expires_at)]
    for upload_id, who in zip(uploads, ["ann", "ann", "bea"], strict=False):  # the fourth never comes
        shown = WeightedEmbedding(embedding(album.vector(who)), 0.9)
        enrolments.accept(ALBUM, upload_id, shown, min_similarity=CALIBRATION.min_similarity)
    kept = album.sql("SELECT status FROM enrolment JOIN person_embedding USING (upload_id) ORDER BY status")
    assert kept == [("accepted",), ("accepted",), ("refused",)]
    [of_ann], [of_bea] = album.add("1", "ann"), album.add("2", "bea")
    clustering.photo_changed(ALBUM)
    assert album.owners()[of_ann] == ann
    assert album.owners().get(of_bea) != ann


def test_the_sweep_finds_waiting_albums(album: TestAlbum, clustering: PeopleClustering) -> None:
    album.add("1", "ann"), album.add("2", "ann")
    PgClusters(album.database).request(ALBUM)
    PgClusters(album.database).request("never seen")
    assert clustering.sweep(full=False) == 1
    assert len(album.owners()) == 2
    assert clustering.sweep(full=False) == 0
    clustering.photo_changed("never seen")


def test_the_catalogues_spaces_can_be_clustered() -> None:
    assert model_for("face_embedding").embedding_space in known_calibrations(
        ModelSettings(models_dir=default_models_dir())
    )

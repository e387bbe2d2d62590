"""Which changes of people are allowed, and what a clustering run changes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from photofinish.domain.album_clusters import AlbumFace, Assignment, reassignment
from photofinish.domain.people import FaceOwner, FaceSource, Person, resembles
from photofinish.domain.people_rules import (
    check_merge,
    check_split,
    faces_to_associate,
    faces_to_confirm,
    faces_to_disassociate,
    faces_to_reject,
)
from photofinish.errors import Conflict
from support.faces import embedding

# Each face is named by its owner and the reason; `alien` is not in the album.
OWNERS = {
    "free": None,
    "own": FaceOwner("ann", FaceSource.CONFIRMED, "u-ann"),
    "own-clustered": FaceOwner("ann", FaceSource.CLUSTERED, "u-ann"),
    "other": FaceOwner("bea", FaceSource.CONFIRMED, None),
    "other-user": FaceOwner("cid", FaceSource.CONFIRMED, "u-cid"),
    "other-kept": FaceOwner("cid", FaceSource.KEPT, "u-cid"),
}
ALL = [*OWNERS, "alien", "free"]


def test_only_confirmed_faces_of_others_cannot_be_confirmed() -> None:
    changes = faces_to_confirm(ALL, OWNERS, "ann")
    assert changes.changed == ("free", "own", "own-clustered", "other-kept")
    assert changes.refused == {"other": "other_person", "other-user": "other_person", "alien": "unknown_face"}


def test_every_known_face_can_be_rejected() -> None:
    changes = faces_to_reject(ALL, OWNERS)
    assert (changes.changed, changes.refused) == (tuple(OWNERS), {"alien": "unknown_face"})


def test_only_confirmed_faces_can_be_disassociated() -> None:
    changes = faces_to_disassociate(ALL, OWNERS, "ann")
    assert changes.changed == ("own",)
    assert changes.refused == dict.fromkeys(OWNERS.keys() - {"own"}, "not_theirs") | {"alien": "unknown_face"}


def test_similar_faces_can_be_associated_unless_they_are_another_users() -> None:
    near, far, elsewhere = embedding([1, 0]), embedding([0, 1]), embedding([1, 0], space="z")
    embeddings = {
        "free": near,
        "own": far,
        "own-clustered": far,
        "other": near,
        "other-user": near,
        "other-kept": elsewhere,
    }

    def associate(*centroids: object) -> dict[str, str]:
        changes = faces_to_associate(
            ALL,
            OWNERS,
            "ann",
            embeddings=embeddings,
            centroids=centroids,
            min_similarity=0.5,  # type: ignore[arg-type]
        )
        assert set(changes.changed) == OWNERS.keys() - changes.refused.keys()
        return dict(changes.refused)

    always = {"other-user": "other_person", "alien": "unknown_face"}
    assert associate(near) == always | {"own-clustered": "not_similar", "other-kept": "not_similar"}
    assert associate() == always, "a user without faces accepts every face"


def person(person_id: str, *, user_id: str | None = None, face_count: int = 2) -> Person:
    return Person(
        person_id=person_id,
        album="race",
        name=None,
        user_id=user_id,
        created_at=datetime.now(UTC),
        face_count=face_count,
        confirmed_count=0,
        enrolled_count=0,
    )


def test_merges_that_contradict_something_are_refused() -> None:
    check_merge(person("ann", user_id="u"), person("bea"), contradictions=0)
    for into, other, contradictions, code in (
        (person("ann"), person("ann"), 0, "same_person"),
        (person("ann", user_id="u"), person("bea", user_id="v"), 0, "two_users"),
        (person("ann"), person("bea"), 1, "rejected_faces"),
    ):
        with pytest.raises(Conflict) as refused:
            check_merge(into, other, contradictions=contradictions)
        assert refused.value.code == code


@pytest.mark.parametrize(
    ("face_ids", "code"),
    [
        ([], "nothing_left"),
        (["own", "own-clustered"], "nothing_left"),
        (["own", "other"], "not_theirs"),
        (["alien"], "not_theirs"),
    ],
)
def test_a_split_takes_some_faces_of_the_person_and_leaves_some(face_ids: list[str], code: str) -> None:
    check_split(person("ann"), ["own"], OWNERS)
    with pytest.raises(Conflict) as refused:
        check_split(person("ann"), face_ids, OWNERS)
    assert refused.value.code == code


def test_a_face_is_compared_with_the_centroid_of_its_space() -> None:
    near, far, elsewhere = embedding([1, 0]), embedding([0, 1]), embedding([0, 1], space="z")
    assert resembles(near, [near, elsewhere], min_similarity=0.5)
    assert not resembles(near, [far], min_similarity=0.5)
    assert resembles(near, [elsewhere], min_similarity=0.5), "nothing to compare with"


def test_a_run_changes_only_undecided_faces_that_move() -> None:
    faces = [
        AlbumFace(face_id="stays", photo=1, quality=1, person_id="ann", source=FaceSource.CLUSTERED),
        AlbumFace(face_id="moves", photo=2, quality=1, person_id="ann", source=FaceSource.CLUSTERED),
        AlbumFace(face_id="leaves", photo=3, quality=1, person_id="bea", source=FaceSource.CLUSTERED),
        AlbumFace(face_id="decided", photo=4, quality=1, person_id="cid", source=FaceSource.KEPT),
        AlbumFace(face_id="free", photo=5, quality=1),
    ]
    found = reassignment(faces, Assignment(person_of={"stays": "ann", "moves": "dan"}, new_people=frozenset({"dan"})))
    assert (found.assigned, found.unassigned) == ({"moves": "dan"}, {"leaves"})
    assert found.changed_people == {"ann", "bea", "dan"}

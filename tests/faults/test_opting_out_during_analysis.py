"""What is stored of faces that may not be indexed, also if a person opts out while their photo is committed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from photofinish.application.consent.admission import FaceAdmission
from photofinish.domain.album_policy import AlbumPolicy, Indexing
from photofinish.domain.consent import ConsentAction, ConsentStatement
from photofinish.domain.face import face_id
from photofinish.domain.matching import Calibration
from photofinish.domain.photo import PhotoRef
from photofinish.errors import Misconfigured
from support.faces import embedding
from support.pipeline import SPACE, MemoryCloud, toy_photo

ADA, BEA = [1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]
PURPOSE = "race photos"
NOW = datetime(2026, 5, 1, tzinfo=UTC)
ONLY_BOX = {"box": {"x": 0.1, "y": 0.1, "w": 0.2, "h": 0.2}}


@pytest.fixture
def cloud() -> MemoryCloud:
    return MemoryCloud()


def analyse(cloud: MemoryCloud) -> PhotoRef:
    """Drop and analyse a photo of Ada, who wears 7, and Bea, who wears 8."""
    photo = cloud.drop("race/1.jpg", toy_photo([ADA, BEA], ["7", "8"]))
    cloud.worker().run()
    return photo.ref


def opt_out(cloud: MemoryCloud, vector: list[float]) -> None:
    cloud.suppression.add("race", [embedding(vector, SPACE)], min_similarity=0.4, by="key:a")


def document_of(cloud: MemoryCloud, photo: PhotoRef) -> dict[str, Any]:
    record = cloud.documents.get("race", photo.photo_id)
    assert record is not None
    return dict(record.fields)


def check_only_a_box_of_ada(cloud: MemoryCloud, photo: PhotoRef) -> None:
    bea = face_id(photo, "toy-1", 1)
    assert set(cloud.index.album_embeddings("race")) == {bea}
    document = document_of(cloud, photo)
    assert [face["face_id"] for face in document["faces"]] == [bea], "Bea keeps the number of her face, and so its id"
    assert document["withheld_faces"] == [ONLY_BOX]
    assert [(bib["number"], bib["face_id"]) for bib in document["bibs"]] == [("7", None), ("8", bea)]
    sidecar = json.loads(cloud.store.derived[document["sidecar"]])
    assert sidecar["withheld_faces"] == [{"number": 0} | ONLY_BOX]
    assert len(sidecar["faces"]) == 1


def test_a_suppressed_face_keeps_its_box_and_nothing_else(cloud: MemoryCloud) -> None:
    opt_out(cloud, ADA)
    check_only_a_box_of_ada(cloud, analyse(cloud))


def test_a_person_who_opts_out_while_their_photo_is_committed_is_not_indexed(
    cloud: MemoryCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace: Callable[..., Any] = cloud.index.replace
    calls: list[int] = []

    def opt_out_first(*arguments: Any) -> Any:
        if not calls:
            opt_out(cloud, ADA)  # after the list was asked, and before the index is written
        calls.append(len(arguments[2].faces))
        return replace(*arguments)

    monkeypatch.setattr(cloud.index, "replace", opt_out_first)
    check_only_a_box_of_ada(cloud, analyse(cloud))
    assert calls == [2, 1]


def test_a_policy_that_changes_while_a_photo_is_committed_applies_to_it(
    cloud: MemoryCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The policy is read once before the index is written, and again afterwards."""
    replace: Callable[..., Any] = cloud.index.replace
    read: Callable[[str], AlbumPolicy] = cloud.album_policies.policy
    steps: list[str] = []

    def change_first(*arguments: Any) -> Any:
        if "index" not in steps:
            cloud.album_policies.set_policy("race", AlbumPolicy(indexing=Indexing.ENROLLED_ONLY, purpose=PURPOSE))
        steps.append("index")
        return replace(*arguments)

    def note(album: str) -> AlbumPolicy:
        steps.append("policy")
        return read(album)

    monkeypatch.setattr(cloud.index, "replace", change_first)
    monkeypatch.setattr(cloud.album_policies, "policy", note)
    cloud.consents.enrol("race", "bea", embedding(BEA, SPACE))
    given = ConsentStatement(action=ConsentAction.GIVEN, purpose=PURPOSE, at=NOW, method="web form", text_version="1")
    cloud.consents.record("race", "bea", given, by="key:a")
    check_only_a_box_of_ada(cloud, analyse(cloud))
    assert steps == ["policy", "index", "policy", "policy", "index", "policy"]


def test_an_album_of_enrolled_people_indexes_those_who_consent(cloud: MemoryCloud) -> None:
    cloud.album_policies.set_policy("race", AlbumPolicy(indexing=Indexing.ENROLLED_ONLY, purpose=PURPOSE))
    cloud.consents.enrol("race", "ada", embedding(ADA, SPACE))
    cloud.consents.enrol("race", "bea", embedding(BEA, SPACE))
    given = ConsentStatement(action=ConsentAction.GIVEN, purpose=PURPOSE, at=NOW, method="web form", text_version="1")
    cloud.consents.record("race", "bea", given, by="key:a")
    check_only_a_box_of_ada(cloud, analyse(cloud))


def test_who_is_enrolled_and_opted_out_is_not_indexed(cloud: MemoryCloud) -> None:
    cloud.album_policies.set_policy("race", AlbumPolicy(indexing=Indexing.ENROLLED_ONLY, purpose=PURPOSE))
    for person, vector in (("ada", ADA), ("bea", BEA)):
        cloud.consents.enrol("race", person, embedding(vector, SPACE))
        given = ConsentStatement(
            action=ConsentAction.GIVEN, purpose=PURPOSE, at=NOW, method="web form", text_version="1"
        )
        cloud.consents.record("race", person, given, by="key:a")
    opt_out(cloud, ADA)
    check_only_a_box_of_ada(cloud, analyse(cloud))


def test_without_a_calibration_nobody_is_taken_for_an_enrolled_person(cloud: MemoryCloud) -> None:
    cloud.album_policies.set_policy("race", AlbumPolicy(indexing=Indexing.ENROLLED_ONLY, purpose=PURPOSE))
    calibrations: dict[str, Calibration] = {}
    admission = FaceAdmission(cloud.album_policies, cloud.consents, cloud.suppression, lambda: calibrations)
    with pytest.raises(Misconfigured, match="toy-4d"):
        admission.may_be_indexed("race", [embedding(ADA, SPACE)])
    assert admission.may_be_indexed("other", [embedding(ADA, SPACE)]) == [True]

"""Searching faces as boto3 sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.rekognition import (
    MODEL_VERSION,
    RekognitionServer,
    astronaut_jpeg,
    collection_name,
    group_jpeg,
    landscape_jpeg,
    other_astronaut_jpeg,
)

if TYPE_CHECKING:
    from types_boto3_rekognition import RekognitionClient


@pytest.fixture(scope="module")
def filled(server: RekognitionServer) -> tuple[str, list[str]]:
    """A collection of the astronaut twice and six others; and the astronaut's two face ids."""
    client, name = server.client(), collection_name()
    client.create_collection(CollectionId=name)
    ids = []
    for external, content in (("one.jpg", astronaut_jpeg()), ("two.jpg", other_astronaut_jpeg())):
        indexed = client.index_faces(CollectionId=name, Image={"Bytes": content}, ExternalImageId=external)
        ids.append(indexed["FaceRecords"][0]["Face"]["FaceId"])
    client.index_faces(CollectionId=name, Image={"Bytes": group_jpeg()}, ExternalImageId="group.jpg")
    return name, ids


def test_a_picture_finds_its_person_best_first(client: RekognitionClient, filled: tuple[str, list[str]]) -> None:
    collection, ids = filled
    found = client.search_faces_by_image(CollectionId=collection, Image={"Bytes": astronaut_jpeg()})
    assert [match["Face"]["FaceId"] for match in found["FaceMatches"]] == ids
    assert [match["Face"]["ExternalImageId"] for match in found["FaceMatches"]] == ["one.jpg", "two.jpg"]
    same, other = (match["Similarity"] for match in found["FaceMatches"])
    assert 99.9 < same <= 100
    assert 80 <= other < same
    assert 60 < found["SearchedFaceConfidence"] <= 100
    assert found["SearchedFaceBoundingBox"]["Width"] == pytest.approx(0.18, abs=0.06)
    assert found["FaceModelVersion"] == MODEL_VERSION


def test_a_face_finds_the_others_of_its_person_and_not_itself(
    client: RekognitionClient, filled: tuple[str, list[str]]
) -> None:
    collection, ids = filled
    found = client.search_faces(CollectionId=collection, FaceId=ids[0])
    assert found["SearchedFaceId"] == ids[0]
    assert [match["Face"]["FaceId"] for match in found["FaceMatches"]] == [ids[1]]


def test_a_lower_threshold_finds_more_and_similarity_falls(
    client: RekognitionClient, filled: tuple[str, list[str]]
) -> None:
    collection, ids = filled
    counts = []
    for threshold in (0, 1, 50, 80, 99.99, 100):
        matches = client.search_faces(CollectionId=collection, FaceId=ids[0], FaceMatchThreshold=threshold)[
            "FaceMatches"
        ]
        similarities = [match["Similarity"] for match in matches]
        assert similarities == sorted(similarities, reverse=True)
        assert all(threshold - 1e-3 <= similarity <= 100 for similarity in similarities)
        counts.append(len(matches))
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == counts[3] == 1, "no threshold is below 80"
    assert counts[4:] == [1, 0]


def test_max_faces_keeps_the_best(client: RekognitionClient, filled: tuple[str, list[str]]) -> None:
    collection, ids = filled
    for most, expected in ((1, ids[:1]), (2, ids)):
        found = client.search_faces_by_image(CollectionId=collection, Image={"Bytes": astronaut_jpeg()}, MaxFaces=most)
        assert [match["Face"]["FaceId"] for match in found["FaceMatches"]] == expected
    with pytest.raises(client.exceptions.InvalidParameterException):
        client.search_faces(CollectionId=collection, FaceId=ids[0], MaxFaces=4097)


def test_the_largest_face_of_a_picture_is_searched(client: RekognitionClient, filled: tuple[str, list[str]]) -> None:
    collection, _ = filled
    largest = client.detect_faces(Image={"Bytes": group_jpeg()})["FaceDetails"][0]["BoundingBox"]
    found = client.search_faces_by_image(CollectionId=collection, Image={"Bytes": group_jpeg()}, MaxFaces=1)
    assert found["SearchedFaceBoundingBox"] == largest
    assert found["FaceMatches"][0]["Face"]["BoundingBox"]["Left"] == pytest.approx(largest["Left"], abs=1e-4)


def test_a_picture_without_faces_cannot_be_searched(client: RekognitionClient, filled: tuple[str, list[str]]) -> None:
    with pytest.raises(client.exceptions.InvalidParameterException, match="There are no faces in the image"):
        client.search_faces_by_image(CollectionId=filled[0], Image={"Bytes": landscape_jpeg()})


def test_an_empty_collection_has_no_matches(client: RekognitionClient, collection: str) -> None:
    found = client.search_faces_by_image(CollectionId=collection, Image={"Bytes": astronaut_jpeg()})
    assert found["FaceMatches"] == []


def test_collections_do_not_see_each_others_faces(
    client: RekognitionClient, collection: str, filled: tuple[str, list[str]]
) -> None:
    own = client.index_faces(CollectionId=collection, Image={"Bytes": group_jpeg()})["FaceRecords"]
    found = client.search_faces_by_image(CollectionId=collection, Image={"Bytes": astronaut_jpeg()})
    assert found["FaceMatches"] == [], "the astronaut is in the other collection"
    found = client.search_faces_by_image(CollectionId=collection, Image={"Bytes": group_jpeg()})
    assert [match["Face"]["FaceId"] for match in found["FaceMatches"]] == [own[0]["Face"]["FaceId"]]
    with pytest.raises(client.exceptions.InvalidParameterException, match="faceId was not found"):
        client.search_faces(CollectionId=collection, FaceId=filled[1][0])

"""Indexing, listing and deleting faces as boto3 sees them."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from botocore.exceptions import ClientError

from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.faces import PgFaceIndex
from photofinish.adapters.postgres.suppression import PgSuppressionList
from support.pictures import astronaut, encode
from support.rekognition import (
    MODEL_VERSION,
    RekognitionServer,
    assert_code,
    astronaut_jpeg,
    group_jpeg,
    landscape_jpeg,
    other_astronaut_jpeg,
)

if TYPE_CHECKING:
    from types_boto3_rekognition import RekognitionClient

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
UNKNOWN_FACE = "00000000-0000-4000-8000-000000000000"


def ids_of(indexed: Any) -> list[str]:
    return [record["Face"]["FaceId"] for record in indexed["FaceRecords"]]


def test_a_face_is_indexed_with_all_its_details(client: RekognitionClient, collection: str) -> None:
    indexed = client.index_faces(
        CollectionId=collection, Image={"Bytes": astronaut_jpeg()}, ExternalImageId="Ada:1.jpg"
    )
    [record] = indexed["FaceRecords"]
    face, detail = record["Face"], record["FaceDetail"]
    assert UUID.fullmatch(face["FaceId"])
    assert UUID.fullmatch(face["ImageId"])
    assert face["ExternalImageId"] == "Ada:1.jpg"
    assert face["IndexFacesModelVersion"] == indexed["FaceModelVersion"] == MODEL_VERSION
    assert 60 < face["Confidence"] <= 100
    assert face["Confidence"] == pytest.approx(detail["Confidence"], abs=1e-3)
    # scikit-image's astronaut: the face lies at about x 178, y 63, 90 wide, 114 high, of 512
    for side, expected in (("Left", 0.35), ("Top", 0.12), ("Width", 0.18), ("Height", 0.22)):
        assert face["BoundingBox"][side] == pytest.approx(expected, abs=0.06)  # type: ignore[literal-required]
        assert face["BoundingBox"][side] == pytest.approx(detail["BoundingBox"][side], abs=1e-5)  # type: ignore[literal-required]
    landmarks = {one["Type"]: (one["X"], one["Y"]) for one in detail["Landmarks"]}
    assert set(landmarks) == {"eyeLeft", "eyeRight", "nose", "mouthLeft", "mouthRight"}
    assert landmarks["eyeLeft"][0] < landmarks["nose"][0] < landmarks["eyeRight"][0], "left as the viewer sees it"
    assert landmarks["eyeLeft"][1] < landmarks["nose"][1] < landmarks["mouthLeft"][1]
    assert set(detail["Pose"]) == {"Roll", "Yaw", "Pitch"}
    assert 0 < detail["Quality"]["Brightness"] <= 100
    assert 0 < detail["Quality"]["Sharpness"] <= 100
    assert indexed["UnindexedFaces"] == []
    [listed] = client.list_faces(CollectionId=collection)["Faces"]
    assert listed == face


def test_the_same_picture_is_not_indexed_twice(server: RekognitionServer, collection: str) -> None:
    request = {"CollectionId": collection, "Image": {"Bytes": group_jpeg()}, "ExternalImageId": "group.jpg"}
    first, again = (server.client().index_faces(**request)["FaceRecords"] for _ in range(2))  # type: ignore[arg-type]
    assert [record["Face"] for record in first] == [record["Face"] for record in again]
    client = server.client()
    assert client.describe_collection(CollectionId=collection)["FaceCount"] == len(first) == 6
    named_otherwise = client.index_faces(**{**request, "ExternalImageId": "other-name.jpg"})  # type: ignore[arg-type]
    assert not set(ids_of({"FaceRecords": first})) & set(ids_of(named_otherwise))
    assert server.client().describe_collection(CollectionId=collection)["FaceCount"] == 12


def test_a_picture_that_many_index_at_once_is_indexed_once(server: RekognitionServer, collection: str) -> None:
    clients = [server.client() for _ in range(4)]

    def index(one: RekognitionClient) -> list[str]:
        return ids_of(one.index_faces(CollectionId=collection, Image={"Bytes": group_jpeg()}, ExternalImageId="g"))

    with ThreadPoolExecutor(len(clients)) as pool:
        found = list(pool.map(index, clients))
    assert found == [found[0]] * len(clients)
    listed = server.client().list_faces(CollectionId=collection)["Faces"]
    assert sorted(face["FaceId"] for face in listed) == sorted(found[0])


def test_faces_come_largest_first_and_at_most_max_faces(client: RekognitionClient, collection: str) -> None:
    image = {"Bytes": group_jpeg()}
    two = client.index_faces(CollectionId=collection, Image=image, MaxFaces=2)
    areas = [
        one["FaceDetail"]["BoundingBox"]["Width"] * one["FaceDetail"]["BoundingBox"]["Height"]
        for one in [*two["FaceRecords"], *two["UnindexedFaces"]]
    ]
    assert areas == sorted(areas, reverse=True)
    assert len(two["FaceRecords"]) == 2
    assert [face["Reasons"] for face in two["UnindexedFaces"]] == [["EXCEEDS_MAX_FACES"]] * 4
    every = client.index_faces(CollectionId=collection, Image=image)
    assert ids_of(every)[:2] == ids_of(two), "a face keeps its id, whatever else is indexed"
    assert len(every["FaceRecords"]) == 6


def test_a_deleted_face_can_be_indexed_again_and_gets_its_id_back(client: RekognitionClient, collection: str) -> None:
    image = {"Bytes": group_jpeg()}
    before = ids_of(client.index_faces(CollectionId=collection, Image=image, MaxFaces=6))
    client.delete_faces(CollectionId=collection, FaceIds=[before[1]])
    assert client.describe_collection(CollectionId=collection)["FaceCount"] == 5
    assert ids_of(client.index_faces(CollectionId=collection, Image=image, MaxFaces=7)) == before


def test_after_a_change_of_model_the_picture_brings_the_face_up_to_date(
    server: RekognitionServer, collection: str
) -> None:
    image: Any = {"Bytes": astronaut_jpeg()}
    before = ids_of(server.client().index_faces(CollectionId=collection, Image=image))
    with psycopg.connect(server.conninfo) as conn:
        conn.execute(
            "WITH old AS (INSERT INTO embedding_space (name, dimension) VALUES ('older', 128) RETURNING space_id) "
            "UPDATE face SET space_id = old.space_id FROM old WHERE face_id = %s",
            before,
        )
    client = server.client()
    assert client.search_faces_by_image(CollectionId=collection, Image=image)["FaceMatches"] == []
    assert client.list_faces(CollectionId=collection)["Faces"][0]["IndexFacesModelVersion"] == "0"
    assert ids_of(client.index_faces(CollectionId=collection, Image=image)) == before
    found = server.client().search_faces_by_image(CollectionId=collection, Image=image)["FaceMatches"]
    assert [match["Face"]["FaceId"] for match in found] == before


def test_a_picture_without_faces_is_not_an_error(client: RekognitionClient, collection: str) -> None:
    indexed = client.index_faces(CollectionId=collection, Image={"Bytes": landscape_jpeg()})
    assert indexed["FaceRecords"] == []
    assert indexed["UnindexedFaces"] == []


def test_the_quality_filter_rejects_poor_faces_with_reasons(client: RekognitionClient, collection: str) -> None:
    import cv2

    small = cv2.resize(astronaut(), (120, 120), interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(cv2.resize(small, (512, 512)), (0, 0), 4).astype("uint8")
    image = {"Bytes": encode(blurred)}
    high = client.index_faces(CollectionId=collection, Image=image, QualityFilter="HIGH")
    assert high["FaceRecords"] == []
    [left_out] = high["UnindexedFaces"]
    assert "LOW_SHARPNESS" in left_out["Reasons"]
    unfiltered = client.index_faces(CollectionId=collection, Image=image, QualityFilter="NONE")
    assert len(unfiltered["FaceRecords"]) == 1


def test_a_list_is_paged_filtered_and_complete(server: RekognitionServer, collection: str) -> None:
    client = server.client()
    ids = ids_of(client.index_faces(CollectionId=collection, Image={"Bytes": group_jpeg()}))
    ids += ids_of(client.index_faces(CollectionId=collection, Image={"Bytes": astronaut_jpeg()}))
    pages = list(client.get_paginator("list_faces").paginate(CollectionId=collection, PaginationConfig={"PageSize": 3}))
    assert [len(page["Faces"]) for page in pages] == [3, 3, 1]
    assert sorted(face["FaceId"] for page in pages for face in page["Faces"]) == sorted(ids)
    some = client.list_faces(CollectionId=collection, FaceIds=[ids[0], ids[6], UNKNOWN_FACE])["Faces"]
    assert sorted(face["FaceId"] for face in some) == sorted([ids[0], ids[6]])
    assert len(client.list_faces(CollectionId=collection, MaxResults=0)["Faces"]) == 7
    with pytest.raises(client.exceptions.InvalidParameterException):
        client.list_faces(CollectionId=collection, MaxResults=4097)


def test_a_token_of_another_collection_or_operation_is_refused(client: RekognitionClient, collection: str) -> None:
    client.index_faces(CollectionId=collection, Image={"Bytes": group_jpeg()})
    token = client.list_faces(CollectionId=collection, MaxResults=1)["NextToken"]
    other = f"{collection}-other"
    client.create_collection(CollectionId=other)
    for call in (
        lambda: client.list_faces(CollectionId=other, NextToken=token),
        lambda: client.list_users(CollectionId=collection, NextToken=token),
        lambda: client.list_collections(NextToken=token),
        lambda: client.list_faces(CollectionId=collection, NextToken=token[:-1]),
    ):
        with pytest.raises(ClientError) as caught:
            call()
        assert_code(caught, "InvalidPaginationTokenException")


def test_deleting_reports_what_was_deleted_and_why_others_were_not(client: RekognitionClient, collection: str) -> None:
    first, second = ids_of(client.index_faces(CollectionId=collection, Image={"Bytes": group_jpeg()}, MaxFaces=2))
    client.create_user(CollectionId=collection, UserId="bob")
    client.associate_faces(CollectionId=collection, UserId="bob", FaceIds=[second])
    answer = client.delete_faces(CollectionId=collection, FaceIds=[first, second, UNKNOWN_FACE, first])
    assert answer["DeletedFaces"] == [first]
    assert answer["UnsuccessfulFaceDeletions"] == [
        {"FaceId": second, "UserId": "bob", "Reasons": ["ASSOCIATED_TO_AN_EXISTING_USER"]},
        {"FaceId": UNKNOWN_FACE, "Reasons": ["FACE_NOT_FOUND"]},
    ]
    with pytest.raises(client.exceptions.InvalidParameterException, match="faceId was not found in the collection"):
        client.search_faces(CollectionId=collection, FaceId=first)
    with pytest.raises(client.exceptions.InvalidParameterException):
        client.delete_faces(CollectionId=collection, FaceIds=["not-an-id"])
    with pytest.raises(client.exceptions.InvalidParameterException):
        client.delete_faces(CollectionId=collection, FaceIds=[UNKNOWN_FACE] * 4097)


def test_a_face_of_one_collection_is_not_deleted_through_another(client: RekognitionClient, collection: str) -> None:
    [face_id] = ids_of(client.index_faces(CollectionId=collection, Image={"Bytes": astronaut_jpeg()}))
    other = f"{collection}-other"
    client.create_collection(CollectionId=other)
    answer = client.delete_faces(CollectionId=other, FaceIds=[face_id])
    assert answer["UnsuccessfulFaceDeletions"] == [{"FaceId": face_id, "Reasons": ["FACE_NOT_FOUND"]}]
    assert client.describe_collection(CollectionId=collection)["FaceCount"] == 1


@pytest.mark.parametrize(
    "operation", ["list_faces", "index_faces", "delete_faces", "search_faces", "search_faces_by_image", "list_users"]
)
def test_an_unknown_collection_is_reported(client: RekognitionClient, operation: str) -> None:
    request: dict[str, Any] = {"CollectionId": "no-such-collection"}
    request |= {
        "index_faces": {"Image": {"Bytes": other_astronaut_jpeg()}},
        "search_faces_by_image": {"Image": {"Bytes": other_astronaut_jpeg()}},
        "delete_faces": {"FaceIds": [UNKNOWN_FACE]},
        "search_faces": {"FaceId": UNKNOWN_FACE},
    }.get(operation, {})
    with pytest.raises(
        client.exceptions.ResourceNotFoundException, match="The collection id: no-such-collection does not exist"
    ):
        getattr(client, operation)(**request)


def test_a_person_who_opted_out_is_not_indexed_and_keeps_a_box(
    server: RekognitionServer, client: RekognitionClient, collection: str
) -> None:
    [record] = client.index_faces(CollectionId=collection, Image={"Bytes": astronaut_jpeg()})["FaceRecords"]
    database = Database(server.conninfo)
    [template] = PgFaceIndex(database).embeddings(collection, [record["Face"]["FaceId"]]).values()
    entry = PgSuppressionList(database).add(collection, [template], min_similarity=0.38, by="test")
    again = client.index_faces(CollectionId=collection, Image={"Bytes": other_astronaut_jpeg()})
    assert again["FaceRecords"] == []
    assert [(one["Reasons"], set(one["FaceDetail"])) for one in again["UnindexedFaces"]] == [([], {"BoundingBox"})]
    assert PgSuppressionList(database).remove(collection, entry.opt_out_id)
    assert len(client.index_faces(CollectionId=collection, Image={"Bytes": other_astronaut_jpeg()})["FaceRecords"]) == 1
    database.close()

"""Users as boto3 sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.rekognition import (
    RekognitionServer,
    astronaut_jpeg,
    collection_name,
    group_jpeg,
    landscape_jpeg,
    other_astronaut_jpeg,
)

if TYPE_CHECKING:
    from types_boto3_rekognition import RekognitionClient

UNKNOWN_FACE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def faces(client: RekognitionClient, collection: str) -> dict[str, str]:
    """The face ids of a collection: two of the astronaut, and one of another person."""
    found = {}
    for name, content in (("one", astronaut_jpeg()), ("two", other_astronaut_jpeg()), ("else", group_jpeg())):
        indexed = client.index_faces(
            CollectionId=collection, Image={"Bytes": content}, ExternalImageId=name, MaxFaces=1
        )
        found[name] = indexed["FaceRecords"][0]["Face"]["FaceId"]
    return found


def test_users_are_created_listed_and_deleted(client: RekognitionClient, collection: str) -> None:
    for user in ("carol", "ada", "bob:1"):
        client.create_user(CollectionId=collection, UserId=user)
    listed = client.list_users(CollectionId=collection)["Users"]
    assert listed == [{"UserId": user, "UserStatus": "CREATED"} for user in ("ada", "bob:1", "carol")]
    assert client.describe_collection(CollectionId=collection)["UserCount"] == 3
    with pytest.raises(client.exceptions.ConflictException, match="ada"):
        client.create_user(CollectionId=collection, UserId="ada")
    client.delete_user(CollectionId=collection, UserId="ada")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.delete_user(CollectionId=collection, UserId="ada")
    client.create_user(CollectionId=collection, UserId="ada")
    with pytest.raises(client.exceptions.InvalidParameterException):
        client.create_user(CollectionId=collection, UserId="with space")


def test_users_are_paged(client: RekognitionClient, collection: str) -> None:
    names = [f"user-{number}" for number in range(5)]
    for name in names:
        client.create_user(CollectionId=collection, UserId=name)
    pages = list(client.get_paginator("list_users").paginate(CollectionId=collection, PaginationConfig={"PageSize": 2}))
    assert [[user["UserId"] for user in page["Users"]] for page in pages] == [names[:2], names[2:4], names[4:]]
    with pytest.raises(client.exceptions.InvalidPaginationTokenException):
        client.list_users(CollectionId=collection, NextToken="made-up")


def test_faces_are_associated_with_a_user_and_disassociated(
    client: RekognitionClient, collection: str, faces: dict[str, str]
) -> None:
    client.create_user(CollectionId=collection, UserId="ada")
    first = client.associate_faces(CollectionId=collection, UserId="ada", FaceIds=[faces["one"]])
    assert first["AssociatedFaces"] == [{"FaceId": faces["one"]}]
    assert first["UnsuccessfulFaceAssociations"] == []
    assert first["UserStatus"] == "ACTIVE"
    both = client.associate_faces(CollectionId=collection, UserId="ada", FaceIds=[faces["one"], faces["two"]])
    assert both["AssociatedFaces"] == [{"FaceId": faces["two"]}], "faces that the user had before are not listed again"
    of_user = client.list_faces(CollectionId=collection, UserId="ada")["Faces"]
    assert {face["FaceId"] for face in of_user} == {faces["one"], faces["two"]}
    assert {face["UserId"] for face in of_user} == {"ada"}
    only = client.list_faces(CollectionId=collection, UserId="ada", FaceIds=[faces["two"], faces["else"]])["Faces"]
    assert [face["FaceId"] for face in only] == [faces["two"]]
    taken = client.disassociate_faces(
        CollectionId=collection, UserId="ada", FaceIds=[faces["two"], faces["else"], UNKNOWN_FACE]
    )
    assert taken["DisassociatedFaces"] == [{"FaceId": faces["two"]}]
    assert taken["UnsuccessfulFaceDisassociations"] == [{"FaceId": UNKNOWN_FACE, "Reasons": ["FACE_NOT_FOUND"]}]
    last = client.disassociate_faces(CollectionId=collection, UserId="ada", FaceIds=[faces["one"]])
    assert last["UserStatus"] == "CREATED"
    client.delete_faces(CollectionId=collection, FaceIds=[faces["one"]])


def test_unsuitable_faces_are_refused_with_the_reason(
    client: RekognitionClient, collection: str, faces: dict[str, str]
) -> None:
    for user in ("ada", "bob"):
        client.create_user(CollectionId=collection, UserId=user)
    client.associate_faces(CollectionId=collection, UserId="ada", FaceIds=[faces["one"]])
    answer = client.associate_faces(
        CollectionId=collection, UserId="ada", FaceIds=[faces["two"], faces["else"], UNKNOWN_FACE]
    )
    assert answer["AssociatedFaces"] == [{"FaceId": faces["two"]}]
    reasons = {one["FaceId"]: one["Reasons"] for one in answer["UnsuccessfulFaceAssociations"]}
    assert reasons == {faces["else"]: ["LOW_MATCH_CONFIDENCE"], UNKNOWN_FACE: ["FACE_NOT_FOUND"]}
    others = client.associate_faces(CollectionId=collection, UserId="bob", FaceIds=[faces["one"]])
    assert others["UnsuccessfulFaceAssociations"] == [
        {"FaceId": faces["one"], "UserId": "ada", "Reasons": ["ASSOCIATED_TO_A_DIFFERENT_USER"]}
    ]
    theirs = client.disassociate_faces(CollectionId=collection, UserId="bob", FaceIds=[faces["one"]])
    assert theirs["UnsuccessfulFaceDisassociations"] == [
        {"FaceId": faces["one"], "UserId": "ada", "Reasons": ["ASSOCIATED_TO_A_DIFFERENT_USER"]}
    ]
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.associate_faces(CollectionId=collection, UserId="unknown", FaceIds=[faces["one"]])
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.disassociate_faces(CollectionId=collection, UserId="unknown", FaceIds=[faces["one"]])
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.list_faces(CollectionId=collection, UserId="unknown")
    with pytest.raises(client.exceptions.InvalidParameterException):
        client.associate_faces(CollectionId=collection, UserId="bob", FaceIds=[UNKNOWN_FACE] * 101)


def test_a_threshold_of_0_accepts_any_face(client: RekognitionClient, collection: str, faces: dict[str, str]) -> None:
    client.create_user(CollectionId=collection, UserId="ada")
    client.associate_faces(CollectionId=collection, UserId="ada", FaceIds=[faces["one"]])
    answer = client.associate_faces(
        CollectionId=collection, UserId="ada", FaceIds=[faces["else"]], UserMatchThreshold=0
    )
    assert answer["AssociatedFaces"] == [{"FaceId": faces["else"]}]


def test_users_are_found_by_face_by_picture_and_by_user(
    client: RekognitionClient, collection: str, faces: dict[str, str]
) -> None:
    for user, face in (("ada", "one"), ("ada-again", "two"), ("bob", "else")):
        client.create_user(CollectionId=collection, UserId=user)
        client.associate_faces(CollectionId=collection, UserId=user, FaceIds=[faces[face]])
    by_face = client.search_users(CollectionId=collection, FaceId=faces["one"])
    assert [match["User"]["UserId"] for match in by_face["UserMatches"]] == ["ada", "ada-again"]
    assert by_face["UserMatches"][0]["User"]["UserStatus"] == "ACTIVE"
    assert by_face["SearchedFace"] == {"FaceId": faces["one"]}
    assert by_face["UserMatches"][0]["Similarity"] > 99.9
    by_user = client.search_users(CollectionId=collection, UserId="ada")
    assert [match["User"]["UserId"] for match in by_user["UserMatches"]] == ["ada-again"]
    assert by_user["SearchedUser"] == {"UserId": "ada"}
    by_image = client.search_users_by_image(CollectionId=collection, Image={"Bytes": astronaut_jpeg()}, MaxUsers=1)
    assert [match["User"]["UserId"] for match in by_image["UserMatches"]] == ["ada"]
    assert by_image["UnsearchedFaces"] == []
    no_stranger = client.search_users(CollectionId=collection, UserId="ada", UserMatchThreshold=0)
    assert [match["User"]["UserId"] for match in no_stranger["UserMatches"]] == ["ada-again"]


def test_the_largest_face_is_searched_and_the_others_are_listed(client: RekognitionClient, collection: str) -> None:
    answer = client.search_users_by_image(CollectionId=collection, Image={"Bytes": group_jpeg()})
    largest = client.detect_faces(Image={"Bytes": group_jpeg()})["FaceDetails"][0]
    assert answer["SearchedFace"]["FaceDetail"] == largest
    assert [one["Reasons"] for one in answer["UnsearchedFaces"]] == [["FACE_NOT_LARGEST"]] * 5
    without_face = client.search_users_by_image(CollectionId=collection, Image={"Bytes": landscape_jpeg()})
    assert without_face["UserMatches"] == []
    assert "SearchedFace" not in without_face


def test_a_search_takes_either_a_face_or_a_user(client: RekognitionClient, collection: str) -> None:
    requests: list[dict[str, Any]] = [{}, {"UserId": "ada", "FaceId": UNKNOWN_FACE}, {"FaceId": UNKNOWN_FACE}]
    for request in requests:
        with pytest.raises(client.exceptions.InvalidParameterException):
            client.search_users(CollectionId=collection, **request)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.search_users(CollectionId=collection, UserId="unknown")
    client.create_user(CollectionId=collection, UserId="faceless")
    assert client.search_users(CollectionId=collection, UserId="faceless")["UserMatches"] == []


def test_a_request_with_a_token_happens_once(server: RekognitionServer, collection: str) -> None:
    token = "a-token_1"
    for _ in range(2):  # with a new key each, as if the first answer had been lost
        server.client().create_user(CollectionId=collection, UserId="ada", ClientRequestToken=token)
    client = server.client()
    with pytest.raises(client.exceptions.IdempotentParameterMismatchException):
        client.create_user(CollectionId=collection, UserId="bob", ClientRequestToken=token)
    with pytest.raises(client.exceptions.IdempotentParameterMismatchException):
        client.delete_user(CollectionId=collection, UserId="ada", ClientRequestToken=token)
    for _ in range(2):
        server.client().delete_user(CollectionId=collection, UserId="ada", ClientRequestToken="another")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.delete_user(CollectionId=collection, UserId="ada", ClientRequestToken="a-third")


def test_a_user_has_at_most_100_faces(server: RekognitionServer) -> None:
    from support.faces import face, photo, random_embeddings
    from support.index import add, postgres_index

    name, client = collection_name(), server.client()
    client.create_collection(CollectionId=name)
    with postgres_index(server.conninfo) as index:
        add(index, photo(f"{name}/crowd.jpg"), [face(one) for one in random_embeddings(101, 128, 1)])
    ids = [one["FaceId"] for one in client.list_faces(CollectionId=name)["Faces"]]
    client.create_user(CollectionId=name, UserId="crowd")
    full = client.associate_faces(CollectionId=name, UserId="crowd", FaceIds=ids[:100], UserMatchThreshold=0)
    assert len(full["AssociatedFaces"]) == 100
    with pytest.raises(client.exceptions.ServiceQuotaExceededException):
        client.associate_faces(CollectionId=name, UserId="crowd", FaceIds=[ids[100]], UserMatchThreshold=0)


def test_what_requests_change_is_relayed_at_once(
    server: RekognitionServer, client: RekognitionClient, collection: str
) -> None:
    server.relay_runs.take()
    client.create_user(CollectionId=collection, UserId="ada")
    assert server.relay_runs.take() == 1
    client.list_users(CollectionId=collection)
    with pytest.raises(client.exceptions.ConflictException):
        client.create_user(CollectionId=collection, UserId="ada")
    assert server.relay_runs.take() == 0, "reading and refusals record nothing"

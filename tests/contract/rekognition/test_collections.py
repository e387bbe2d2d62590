"""Collections as boto3 sees them."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from botocore.exceptions import ClientError

from photofinish.domain.access import Scope
from support.faces import face, photo, random_embeddings
from support.index import add, postgres_index
from support.rekognition import MODEL_VERSION, RekognitionServer, assert_code, astronaut_jpeg, collection_name

if TYPE_CHECKING:
    from types_boto3_rekognition import RekognitionClient


def test_a_collection_is_created_described_listed_and_deleted(client: RekognitionClient) -> None:
    name = collection_name()
    created = client.create_collection(CollectionId=name, Tags={"event": "Lauf 10"})
    assert created["StatusCode"] == 200
    assert created["CollectionArn"].endswith(f":collection/{name}")
    assert created["FaceModelVersion"] == MODEL_VERSION
    described = client.describe_collection(CollectionId=name)
    assert (described["FaceCount"], described["UserCount"]) == (0, 0)
    assert described["CollectionARN"] == created["CollectionArn"]
    assert abs(datetime.now(UTC) - described["CreationTimestamp"]) < timedelta(minutes=1)
    assert name in client.list_collections()["CollectionIds"]
    assert client.delete_collection(CollectionId=name)["StatusCode"] == 200
    with pytest.raises(client.exceptions.ResourceNotFoundException, match=f"The collection id: {name} does not exist"):
        client.describe_collection(CollectionId=name)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.list_faces(CollectionId=name)


def test_a_name_is_unique_and_free_again_after_deletion(client: RekognitionClient, collection: str) -> None:
    with pytest.raises(
        client.exceptions.ResourceAlreadyExistsException, match=f"The collection id: {collection} already exists"
    ):
        client.create_collection(CollectionId=collection, Tags={"other": "signature"})
    client.delete_collection(CollectionId=collection)
    client.create_collection(CollectionId=collection, Tags={"a": "third"})


def test_names_are_case_sensitive(client: RekognitionClient, collection: str) -> None:
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.describe_collection(CollectionId=collection.upper())


@pytest.mark.parametrize("name", ["with space", "sla/sh", "umläut", "x" * 256, "semi;colon", "__reserved__", ".."])
def test_an_invalid_name_is_refused(client: RekognitionClient, name: str) -> None:
    with pytest.raises(client.exceptions.InvalidParameterException):
        client.create_collection(CollectionId=name)


def test_the_longest_name_is_an_album(client: RekognitionClient) -> None:
    name = f"{collection_name()}-".ljust(255, "x")
    client.create_collection(CollectionId=name)
    client.index_faces(CollectionId=name, Image={"Bytes": astronaut_jpeg()})
    assert client.describe_collection(CollectionId=name)["FaceCount"] == 1


def test_the_paginator_lists_every_collection_once_with_its_model_version(server: RekognitionServer) -> None:
    client = server.client()
    names = {collection_name() for _ in range(5)}
    for name in names:
        client.create_collection(CollectionId=name)
    pages = list(client.get_paginator("list_collections").paginate(PaginationConfig={"PageSize": 2}))
    assert all(len(page["CollectionIds"]) == len(page["FaceModelVersions"]) <= 2 for page in pages)
    listed = [name for page in pages for name in page["CollectionIds"]]
    assert len(listed) == len(set(listed))
    assert names <= set(listed)
    assert "NextToken" not in pages[-1]


def test_a_key_of_some_albums_lists_and_creates_only_those(server: RekognitionServer) -> None:
    mine, other = collection_name(), collection_name()
    server.client().create_collection(CollectionId=other)
    client = server.client(Scope.WRITE, albums=frozenset({mine}))
    client.create_collection(CollectionId=mine)
    assert client.list_collections()["CollectionIds"] == [mine]
    with pytest.raises(client.exceptions.AccessDeniedException):
        client.create_collection(CollectionId=collection_name())
    messages = []
    for name in (other, unknown := collection_name()):
        with pytest.raises(client.exceptions.ResourceNotFoundException) as caught:
            client.describe_collection(CollectionId=name)
        messages.append(caught.value.response["Error"]["Message"].replace(other, "?").replace(unknown, "?"))
    assert messages[0] == messages[1], "albums that do and do not exist get the same message"


def test_tags_are_set_listed_and_removed(client: RekognitionClient) -> None:
    name = collection_name()
    arn = client.create_collection(CollectionId=name, Tags={"a": "1"})["CollectionArn"]
    client.tag_resource(ResourceArn=arn, Tags={"b": "2", "a": "3"})
    assert client.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"a": "3", "b": "2"}
    client.untag_resource(ResourceArn=arn, TagKeys=["a", "never"])
    arn_of_old = arn.removeprefix("arn:")  # the form of older versions of the service
    assert client.list_tags_for_resource(ResourceArn=arn_of_old)["Tags"] == {"b": "2"}
    with pytest.raises(client.exceptions.ServiceQuotaExceededException):
        client.tag_resource(ResourceArn=arn, Tags={str(number): "" for number in range(200)})
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.list_tags_for_resource(ResourceArn=f"{arn}-unknown")
    with pytest.raises(client.exceptions.InvalidParameterException):
        client.list_tags_for_resource(ResourceArn="arn:aws:s3:::a-bucket-of-photos")


def test_deleting_a_collection_leaves_no_row_of_its_faces_and_users(
    server: RekognitionServer, client: RekognitionClient, collection: str
) -> None:
    faces = client.index_faces(CollectionId=collection, Image={"Bytes": astronaut_jpeg()}, ExternalImageId="a.jpg")
    face_id = faces["FaceRecords"][0]["Face"]["FaceId"]
    client.create_user(CollectionId=collection, UserId="ada")
    client.associate_faces(CollectionId=collection, UserId="ada", FaceIds=[face_id])
    client.delete_collection(CollectionId=collection)
    tables = ("face", "photo", "collection", "collection_face", "client_request", "person")
    with psycopg.connect(server.conninfo) as conn:
        row = conn.execute("SELECT album_id FROM album WHERE name = %s", [collection]).fetchone()
        left = {
            table: conn.execute(f"SELECT count(*) FROM {table} WHERE album_id = %s", row).fetchone()  # type: ignore[arg-type]
            for table in tables
        }
    assert left == dict.fromkeys(tables, (0,))


def test_only_an_admin_deletes_a_collection_with_dropped_photos(server: RekognitionServer) -> None:
    name = collection_name()
    with postgres_index(server.conninfo) as index:
        add(index, photo(f"{name}/1.jpg"), [face(random_embeddings(1, 128, 1)[0])])
    writer = server.client(Scope.WRITE)
    assert writer.describe_collection(CollectionId=name)["FaceCount"] == 1
    assert "CreationTimestamp" not in writer.describe_collection(CollectionId=name)
    [listed] = writer.list_faces(CollectionId=name)["Faces"]
    assert listed["ImageId"].replace("-", "") == photo(f"{name}/1.jpg").photo_id
    with pytest.raises(writer.exceptions.ResourceAlreadyExistsException):
        writer.create_collection(CollectionId=name)
    with pytest.raises(writer.exceptions.AccessDeniedException):
        writer.delete_collection(CollectionId=name)
    admin = server.client()
    admin.delete_collection(CollectionId=name)
    with pytest.raises(admin.exceptions.ResourceNotFoundException):
        admin.describe_collection(CollectionId=name)


def test_a_token_of_the_next_page_is_opaque_and_cannot_be_changed(client: RekognitionClient) -> None:
    for _ in range(3):
        client.create_collection(CollectionId=collection_name())
    token = client.list_collections(MaxResults=1)["NextToken"]
    raw = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    raw[0] ^= 1
    changed = base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("=")
    for wrong in (changed, "x", "", token[:-2], token + "A", "ä", "🙂" * 20):
        with pytest.raises(ClientError) as caught:
            client.list_collections(MaxResults=1, NextToken=wrong)
        assert_code(caught, "InvalidPaginationTokenException")
    with pytest.raises(client.exceptions.InvalidParameterException):
        client.list_collections(MaxResults=1, NextToken="x" * 256)

"""Authentication, scopes, rate limits and audit of the Rekognition API."""

from __future__ import annotations

import base64
import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from flask import Flask

from photofinish.adapters.postgres.access import PgAccessStore
from photofinish.adapters.postgres.database import Database
from photofinish.domain.access import AwsCredentials, RateLimit, Scope
from photofinish_functions.access.gate import Gate
from photofinish_functions.rekognition.operations import OPERATIONS
from photofinish_functions.rekognition.requests import REQUESTS
from photofinish_functions.rekognition.serving import serve
from support.access import settings
from support.rekognition import (
    PHOTO_BUCKET,
    RekognitionServer,
    assert_code,
    astronaut_jpeg,
    collection_name,
    group_jpeg,
)

if TYPE_CHECKING:
    from types_boto3_rekognition import RekognitionClient

UNKNOWN_FACE = "00000000-0000-4000-8000-000000000000"


def signed(
    server: RekognitionServer,
    operation: str = "ListCollections",
    body: bytes = b"{}",
    *,
    credentials: AwsCredentials | None = None,
    at: datetime | None = None,
    service: str = "rekognition",
) -> requests.PreparedRequest:
    """A request as botocore signs it, to be changed before it is sent."""
    pair = credentials or server.credentials()
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"RekognitionService.{operation}"}
    request = AWSRequest("POST", f"{server.url}/", headers=headers, data=body)
    signer = SigV4Auth(Credentials(pair.access_key_id, pair.secret_access_key), service, "eu-west-1")
    signer.add_auth(request)
    if at is not None:
        request.context["timestamp"] = at.strftime("%Y%m%dT%H%M%SZ")
        for name in ("X-Amz-Date", "Authorization"):
            del request.headers[name]
        request.headers["X-Amz-Date"] = request.context["timestamp"]
        canonical = signer.canonical_request(request)
        request.headers["Authorization"] = ", ".join(
            [
                f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}",
                f"SignedHeaders={signer.signed_headers(signer.headers_to_sign(request))}",
                f"Signature={signer.signature(signer.string_to_sign(request, canonical), request)}",
            ]
        )
    return requests.Request("POST", f"{server.url}/", headers=dict(request.headers.items()), data=body).prepare()


def send(request: requests.PreparedRequest) -> tuple[int, str | None]:
    """Status and error code of the answer, whose form is checked."""
    answer = requests.Session().send(request, timeout=30)
    assert answer.headers["Content-Type"] == "application/x-amz-json-1.1"
    assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["x-amzn-RequestId"])
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.json()
    if answer.status_code != 200:
        assert set(body) == {"__type", "Message"}
        assert body["Message"]
    return answer.status_code, body.get("__type")


def test_a_signed_request_is_answered(server: RekognitionServer) -> None:
    assert send(signed(server)) == (200, None)


def test_an_unsigned_request_is_refused(server: RekognitionServer) -> None:
    request = signed(server)
    del request.headers["Authorization"]
    assert send(request) == (400, "MissingAuthenticationTokenException")
    request.headers["Authorization"] = "Bearer something"
    assert send(request) == (400, "MissingAuthenticationTokenException")


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Amz-Target", "RekognitionService.DeleteCollection"),
        ("Host", "elsewhere.example.org"),
        ("Content-Type", "application/json"),
    ],
)
def test_a_signed_header_cannot_be_changed(server: RekognitionServer, header: str, value: str) -> None:
    request = signed(server)
    request.headers[header] = value
    assert send(request) == (400, "InvalidSignatureException")


def test_the_body_cannot_be_changed(server: RekognitionServer) -> None:
    request = signed(server, body=b'{"MaxResults": 1}')
    request.body = b'{"MaxResults": 2}'
    assert send(request) == (400, "InvalidSignatureException")


def test_a_request_from_the_past_or_future_is_refused(server: RekognitionServer) -> None:
    now = datetime.now(UTC)
    for minutes in (-6, 6):
        assert send(signed(server, at=now + timedelta(minutes=minutes))) == (400, "InvalidSignatureException")
    for minutes in (-4, 4):
        assert send(signed(server, at=now + timedelta(minutes=minutes))) == (200, None)


def test_a_copied_request_is_refused(server: RekognitionServer) -> None:
    request = signed(server)
    assert send(request) == (200, None)
    for _ in range(3):
        assert send(request) == (400, "ThrottlingException")
    with ThreadPoolExecutor(8) as pool:
        copies = [signed(server)] * 8
        assert sorted(status for status, _ in pool.map(send, copies)) == [200] + [400] * 7


def test_equal_requests_of_an_sdk_within_one_second_are_all_answered(server: RekognitionServer) -> None:
    client, name = server.client(), collection_name()
    client.create_collection(CollectionId=name)
    assert [client.describe_collection(CollectionId=name)["FaceCount"] for _ in range(5)] == [0] * 5


def test_a_signature_for_another_service_is_refused(server: RekognitionServer) -> None:
    assert send(signed(server, service="s3")) == (400, "InvalidSignatureException")


def test_an_unknown_a_revoked_and_an_expired_key_are_refused(server: RekognitionServer) -> None:
    unknown = AwsCredentials("PFAKAAAAAAAAAAAAAAAA", "x" * 43)
    assert send(signed(server, credentials=unknown)) == (400, "UnrecognizedClientException")
    assert send(signed(server, credentials=AwsCredentials("AKIDEXAMPLE", "y"))) == (400, "InvalidSignatureException")
    expired = server.credentials(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    with pytest.raises(ClientError) as caught:
        server.client(credentials=expired, attempts=1).list_collections()
    assert_code(caught, "UnrecognizedClientException")


def test_boto3_with_foreign_credentials_is_refused(server: RekognitionServer) -> None:
    client = boto3.client(
        "rekognition",
        endpoint_url=server.url,
        region_name="eu-west-1",
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    )
    with pytest.raises(ClientError) as caught:
        client.create_collection(CollectionId=collection_name())
    assert_code(caught, "InvalidSignatureException")


def request_for(operation: str, collection: str) -> dict[str, Any]:
    """A valid request."""
    values: dict[str, Any] = {
        "CollectionId": collection,
        "UserId": "ada",
        "FaceId": UNKNOWN_FACE,
        "FaceIds": [UNKNOWN_FACE],
        "Image": {"Bytes": base64.b64encode(astronaut_jpeg()).decode()},
        "SourceImage": {"S3Object": {"Bucket": PHOTO_BUCKET, "Name": "no/such.jpg"}},
        "TargetImage": {"S3Object": {"Bucket": PHOTO_BUCKET, "Name": "no/such.jpg"}},
        "ResourceArn": f"arn:aws:rekognition:x:000000000000:collection/{collection}",
        "Tags": {},
        "TagKeys": [],
    }
    return {name: values[name] for name in REQUESTS[operation].required}


@pytest.mark.parametrize("operation", sorted(REQUESTS))
def test_a_key_that_may_only_search_changes_nothing(server: RekognitionServer, collection: str, operation: str) -> None:
    body = json.dumps(request_for(operation, collection)).encode()
    searcher = server.credentials(Scope.SEARCH, albums=frozenset({collection}))
    status, code = send(signed(server, operation, body, credentials=searcher))
    reads = operation.startswith(("List", "Describe", "Search", "Compare", "Detect"))
    assert (code == "AccessDeniedException") == (not reads), (status, code)
    assert OPERATIONS[operation].scope is (Scope.SEARCH if reads else Scope.WRITE)


@pytest.mark.parametrize(
    "operation", sorted(name for name, shape in REQUESTS.items() if shape.required & {"CollectionId", "ResourceArn"})
)
def test_a_key_of_another_album_cannot_reach_this_one(
    server: RekognitionServer, collection: str, operation: str
) -> None:
    body = json.dumps(request_for(operation, collection)).encode()
    stranger = server.credentials(Scope.ADMIN, albums=frozenset({"another"}))
    expected = "AccessDeniedException" if operation == "CreateCollection" else "ResourceNotFoundException"
    assert send(signed(server, operation, body, credentials=stranger)) == (400, expected)


def test_members_that_an_operation_ignores_do_not_authorise_it(server: RekognitionServer, collection: str) -> None:
    mine = collection_name()
    server.client().create_collection(CollectionId=mine)
    pair = server.credentials(Scope.WRITE, albums=frozenset({mine}))
    for operation in ("TagResource", "UntagResource", "ListTagsForResource"):
        body = request_for(operation, collection) | {"CollectionId": mine}
        status, code = send(signed(server, operation, json.dumps(body).encode(), credentials=pair))
        assert (status, code) == (400, "ResourceNotFoundException")
    for operation in ("DeleteCollection", "DescribeCollection"):
        body = request_for(operation, collection) | {"ResourceArn": request_for("TagResource", mine)["ResourceArn"]}
        status, code = send(signed(server, operation, json.dumps(body).encode(), credentials=pair))
        assert (status, code) == (400, "ResourceNotFoundException")
    assert server.client().describe_collection(CollectionId=collection)["FaceCount"] == 0


def test_too_many_requests_are_throttled(server: RekognitionServer) -> None:
    impatient = server.client(attempts=1, rate=RateLimit(per_second=0.001, burst=2))
    for number in (1, 2):
        impatient.list_collections(MaxResults=number)
    with pytest.raises(impatient.exceptions.ThrottlingException):
        impatient.list_collections(MaxResults=3)


def test_an_sdk_waits_and_retries_by_itself(server: RekognitionServer) -> None:
    client = server.client(rate=RateLimit(per_second=1, burst=1))
    answers = [client.list_collections(MaxResults=number) for number in (1, 2, 3)]
    assert any(answer["ResponseMetadata"]["RetryAttempts"] for answer in answers)


def test_a_picture_costs_more(server: RekognitionServer) -> None:
    client = server.client(attempts=1, rate=RateLimit(per_second=0.001, burst=7))
    client.detect_faces(Image={"Bytes": astronaut_jpeg()})
    client.list_collections()
    with pytest.raises(client.exceptions.ThrottlingException):
        client.detect_text(Image={"Bytes": astronaut_jpeg()})
    client.list_collections(MaxResults=1)


@pytest.mark.parametrize(
    ("operation", "body", "code"),
    [
        ("DetectLabels", b"{}", "UnknownOperationException"),
        ("", b"{}", "UnknownOperationException"),
        ("ListCollections", b"{", "SerializationException"),
        ("ListCollections", b"[]", "SerializationException"),
        ("ListCollections", b"[" * 100_000, "SerializationException"),
        ("ListCollections", b'{"MaxResults": "1"}', "SerializationException"),
        ("ListCollections", b'{"MaxResults": NaN}', "SerializationException"),
        ("ListCollections", b'{"MaxResults": 1e999}', "SerializationException"),
        ("ListCollections", b'{"NextToken": "\\ud800"}', "InvalidPaginationTokenException"),
        ("DescribeCollection", b"{}", "InvalidParameterException"),
        ("DescribeCollection", b'{"CollectionId": "\'; DROP TABLE face; --"}', "InvalidParameterException"),
        ("DescribeCollection", b'{"CollectionId": "a\\u0000b"}', "InvalidParameterException"),
        ("DescribeCollection", b'{"CollectionId": {"a": 1}}', "SerializationException"),
        ("CreateCollection", b'{"CollectionId": "t", "Tags": {"a": 1}}', "SerializationException"),
        ("CreateCollection", b'{"CollectionId": "t", "Tags": {"a": "\\u0000"}}', "InvalidParameterException"),
    ],
)
def test_malformed_bodies_are_reported_to_the_signer(
    server: RekognitionServer, operation: str, body: bytes, code: str
) -> None:
    assert send(signed(server, operation, body)) == (400, code)


def test_other_methods_and_paths_are_unknown_operations(server: RekognitionServer) -> None:
    for method, path in (("GET", "/"), ("PUT", "/"), ("POST", "/v1/albums")):
        request = requests.Request(method, server.url + path).prepare()
        assert send(request) == (400, "UnknownOperationException")


def test_every_operation_is_audited_without_biometric_data(server: RekognitionServer) -> None:
    name, client = collection_name(), server.client()
    client.create_collection(CollectionId=name)
    indexed = client.index_faces(CollectionId=name, Image={"Bytes": group_jpeg()}, ExternalImageId="group.jpg")
    face_id = indexed["FaceRecords"][0]["Face"]["FaceId"]
    client.search_faces(CollectionId=name, FaceId=face_id)
    with pytest.raises(client.exceptions.InvalidParameterException):
        client.search_faces(CollectionId=name, FaceId=UNKNOWN_FACE)
    request_id = client.delete_collection(CollectionId=name)["ResponseMetadata"]["RequestId"]
    entries = list(server.access.audit_entries(album=name))
    assert [(entry.action, entry.outcome, entry.count) for entry in entries] == [
        ("rekognition.CreateCollection", "200", None),
        ("rekognition.IndexFaces", "200", 6),
        ("rekognition.SearchFaces", "200", 0),
        ("rekognition.SearchFaces", "400 InvalidParameterException", None),
        ("rekognition.DeleteCollection", "200", 6),
    ]
    assert entries[2].target == face_id
    assert entries[-1].request_id == request_id
    assert len({entry.principal_id for entry in entries}) == 1


def test_a_refused_request_is_audited_once(server: RekognitionServer, collection: str) -> None:
    client = server.client(albums=frozenset({"mine"}))
    for _ in range(3):
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            client.describe_collection(CollectionId=collection)
    entries = [(entry.action, entry.outcome, entry.count) for entry in server.access.audit_entries(album=collection)]
    assert entries.count(("rekognition.DescribeCollection", "400 ResourceNotFoundException", 1)) == 1
    assert len([entry for entry in entries if "ResourceNotFound" in entry[1]]) == 1


def test_the_log_contains_nothing_of_the_pictures(server: RekognitionServer, collection: str) -> None:
    client: RekognitionClient = server.client()
    picture = astronaut_jpeg()
    client.index_faces(CollectionId=collection, Image={"Bytes": picture}, ExternalImageId="private-name.jpg")
    client.search_faces_by_image(CollectionId=collection, Image={"Bytes": picture})
    log = server.log.read_text(errors="replace")
    assert "Traceback" not in log, log[-4000:]
    assert base64.b64encode(picture).decode()[:60] not in log
    assert "private-name" not in log
    assert "BoundingBox" not in log


def test_without_its_database_every_request_is_refused_as_retryable(
    server: RekognitionServer, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Gate(PgAccessStore(Database("host=127.0.0.1 port=9", connection_timeout_s=0.5)), settings())
    request = signed(server)
    with Flask("test").test_request_context(
        "/", method="POST", base_url=server.url, headers=dict(request.headers), data=request.body
    ) as context:
        answer = serve(context.request, cast("Any", None), lambda: gate)  # only the gate is reached
    assert answer.status_code == 500
    assert json.loads(answer.get_data())["__type"] == "InternalServerError"
    assert "unavailable" in caplog.text

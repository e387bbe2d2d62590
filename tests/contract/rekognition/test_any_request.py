"""Random requests that the service model allows: each answer conforms to the model, and none is a server error."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from photofinish_functions.rekognition.requests import REQUESTS
from support.examples import examples
from support.rekognition import PHOTO_BUCKET, RekognitionServer, astronaut_jpeg, collection_name, group_jpeg
from support.rekognition_model import check_answer, requests_of, service_model


@pytest.fixture(scope="module")
def known(server: RekognitionServer) -> dict[str, list[Any]]:
    """Ids that exist, by the member that names them."""
    client, name = server.client(), collection_name()
    arn = client.create_collection(CollectionId=name)["CollectionArn"]
    indexed = client.index_faces(CollectionId=name, Image={"Bytes": group_jpeg()}, ExternalImageId="group")
    faces = [record["Face"]["FaceId"] for record in indexed["FaceRecords"]]
    client.create_user(CollectionId=name, UserId="ada")
    client.associate_faces(CollectionId=name, UserId="ada", FaceIds=faces[:1])
    server.upload(f"{name}/photo.jpg", astronaut_jpeg())
    images = [
        {"Bytes": base64.b64encode(astronaut_jpeg()).decode()},
        {"S3Object": {"Bucket": PHOTO_BUCKET, "Name": f"{name}/photo.jpg"}},
    ]
    tokens = [
        client.list_faces(CollectionId=name, MaxResults=1)["NextToken"],
        client.list_collections(MaxResults=1).get("NextToken", ""),
    ]
    return {
        "CollectionId": [name],
        "ResourceArn": [arn],
        "FaceId": faces,
        "FaceIds": [faces[:2], [faces[0], "00000000-0000-4000-8000-000000000000"]],
        "UserId": ["ada"],
        "Image": images,
        "SourceImage": images,
        "TargetImage": images,
        "NextToken": tokens,
    }


@pytest.mark.parametrize("operation", sorted(REQUESTS))
@settings(max_examples=examples(12), suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_an_allowed_request_is_answered_as_the_model_says(
    server: RekognitionServer, known: dict[str, list[Any]], operation: str, data: st.DataObject
) -> None:
    if operation == "DeleteCollection":  # other requests need what exists
        known = {**known, "CollectionId": ["another-collection"]}
    body = json.dumps(data.draw(requests_of(operation, known=known))).encode()
    pair = server.credentials()
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"RekognitionService.{operation}"}
    request = AWSRequest("POST", f"{server.url}/", headers=headers, data=body)
    SigV4Auth(Credentials(pair.access_key_id, pair.secret_access_key), "rekognition", "eu-west-1").add_auth(request)
    answer = requests.post(f"{server.url}/", data=body, headers=dict(request.headers.items()), timeout=60)
    assert answer.status_code in (200, 400), answer.text
    check_answer(
        service_model().operation_model(operation), {"status_code": answer.status_code, "body": answer.content}
    )

"""An AWS SDK on the local cloud finds who is on photos that were dropped into the bucket."""

from __future__ import annotations

import boto3
import pytest

from e2e.conftest import LocalCloud
from support.pictures import astronaut, encode, runner

pytestmark = pytest.mark.timeout(240)


def test_an_sdk_finds_a_runner_on_a_dropped_photo(cloud: LocalCloud) -> None:
    ref = cloud.upload("sdk-race/finish.jpg", encode(runner("2906")))
    [document] = cloud.final_documents([ref])
    client = boto3.client(
        "rekognition",
        endpoint_url=cloud.environment["PHOTOFINISH_REKOGNITION_URL"],
        region_name="us-east-1",
        aws_access_key_id=cloud.environment["PHOTOFINISH_AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=cloud.environment["PHOTOFINISH_AWS_SECRET_ACCESS_KEY"],
    )
    found = client.search_faces_by_image(CollectionId="sdk-race", Image={"Bytes": encode(astronaut())})
    [match] = found["FaceMatches"]
    assert match["Face"]["FaceId"] == document["faces"][0]["face_id"]
    assert match["Face"]["ImageId"].replace("-", "") == ref.photo_id
    assert match["Similarity"] >= 80
    text = client.detect_text(Image={"S3Object": {"Bucket": ref.bucket, "Name": ref.name}})
    assert "2906" in [one["DetectedText"] for one in text["TextDetections"]]

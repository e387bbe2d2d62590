"""Which pictures are accepted, from the request and from the bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from photofinish.domain.access import Scope
from support.pictures import astronaut, encode, exif, noise, quadrants
from support.rekognition import (
    PHOTO_BUCKET,
    RekognitionServer,
    assert_code,
    astronaut_jpeg,
    collection_name,
    group_jpeg,
    other_astronaut_jpeg,
)

if TYPE_CHECKING:
    from types_boto3_rekognition import RekognitionClient

MAX_BYTES = 5_242_880


def padded(content: bytes, size: int) -> bytes:
    """A JPEG made longer by comments until it has `size` bytes."""
    comments = b""
    while (missing := size - len(content) - len(comments)) > 0:
        if missing < 4:
            raise ValueError("a comment has at least 4 bytes")
        length = min(missing, 65_000)
        comments += b"\xff\xfe" + (length - 2).to_bytes(2, "big") + bytes(length - 4)
    return content[:2] + comments + content[2:]


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_jpeg_and_png_are_accepted(client: RekognitionClient, kind: str) -> None:
    assert len(client.detect_faces(Image={"Bytes": encode(astronaut(), kind)})["FaceDetails"]) == 1


@pytest.mark.parametrize(
    "content",
    [encode(quadrants(), "WEBP"), encode(quadrants(), "GIF"), b"no picture at all", encode(noise(320, 200))[:2000]],
    ids=["webp", "gif", "text", "cut-off"],
)
def test_other_content_is_an_invalid_image_format(client: RekognitionClient, content: bytes) -> None:
    for operation in (client.detect_faces, client.detect_text):
        with pytest.raises(client.exceptions.InvalidImageFormatException, match="Request has invalid image format"):
            operation(Image={"Bytes": content})


@pytest.mark.parametrize(("width", "height", "is_taken"), [(80, 80, True), (79, 300, False), (300, 79, False)])
def test_each_side_needs_80_pixels(client: RekognitionClient, width: int, height: int, is_taken: bool) -> None:
    image: Any = {"Bytes": encode(noise(width, height))}
    if is_taken:
        client.detect_faces(Image=image)
    else:
        with pytest.raises(client.exceptions.InvalidParameterException, match="80"):
            client.detect_faces(Image=image)


def test_bytes_are_limited_to_5_mib(client: RekognitionClient) -> None:
    assert len(client.detect_faces(Image={"Bytes": padded(astronaut_jpeg(), MAX_BYTES)})["FaceDetails"]) == 1
    with pytest.raises(client.exceptions.InvalidParameterException, match="less than or equal to 5242880"):
        client.detect_faces(Image={"Bytes": padded(astronaut_jpeg(), MAX_BYTES + 1)})


def test_two_pictures_of_5_mib_are_compared(client: RekognitionClient) -> None:
    image: Any = {"Bytes": padded(astronaut_jpeg(), MAX_BYTES)}
    assert len(client.compare_faces(SourceImage=image, TargetImage=image)["FaceMatches"]) == 1


def test_a_larger_body_is_not_read(client: RekognitionClient) -> None:
    with pytest.raises(ClientError) as caught:
        client.detect_faces(Image={"Bytes": bytes(16 * 2**20)})
    assert_code(caught, "RequestEntityTooLargeException")


def test_boxes_are_of_the_upright_picture(client: RekognitionClient) -> None:
    import cv2

    turned = cv2.rotate(astronaut(), cv2.ROTATE_90_COUNTERCLOCKWISE).astype("uint8")
    upright = client.detect_faces(Image={"Bytes": astronaut_jpeg()})["FaceDetails"][0]["BoundingBox"]
    image = encode(turned, exif=exif(orientation=6))
    found = client.detect_faces(Image={"Bytes": image})["FaceDetails"][0]["BoundingBox"]
    assert found == {side: pytest.approx(value, abs=0.03) for side, value in upright.items()}


def test_a_picture_is_either_bytes_or_an_object(client: RekognitionClient) -> None:
    images: list[Any] = [{}, {"Bytes": astronaut_jpeg(), "S3Object": {"Bucket": PHOTO_BUCKET, "Name": "a/b.jpg"}}]
    for image in images:
        with pytest.raises(client.exceptions.InvalidParameterException):
            client.detect_faces(Image=image)


def test_an_object_of_the_bucket_is_a_picture_and_its_generation_a_version(
    server: RekognitionServer, client: RekognitionClient
) -> None:
    name = f"{collection_name()}/photo.jpg"
    first = server.upload(name, astronaut_jpeg())
    second = server.upload(name, group_jpeg())
    # A longer name with the same beginning is another object.
    server.upload(f"{name}.copy", astronaut_jpeg())
    named: Any = {"Bucket": PHOTO_BUCKET, "Name": name}
    assert len(client.detect_faces(Image={"S3Object": named})["FaceDetails"]) == 6
    newest: Any = {"S3Object": {**named, "Version": str(second)}}
    assert len(client.detect_faces(Image=newest)["FaceDetails"]) == 6
    oldest: Any = {"S3Object": {**named, "Version": str(first)}}
    with pytest.raises(client.exceptions.InvalidS3ObjectException):  # the test's bucket keeps no old versions
        client.detect_faces(Image=oldest)


def test_objects_of_the_bucket_are_compared_with_each_other_and_with_bytes(
    server: RekognitionServer, client: RekognitionClient
) -> None:
    album = collection_name()
    server.upload(f"{album}/portrait.jpg", astronaut_jpeg())
    server.upload(f"{album}/again.jpg", other_astronaut_jpeg())
    server.upload(f"{album}/group.jpg", group_jpeg())
    portrait, again, strangers = (
        {"S3Object": {"Bucket": PHOTO_BUCKET, "Name": f"{album}/{name}.jpg"}} for name in ("portrait", "again", "group")
    )
    content: Any = {"Bytes": astronaut_jpeg()}
    expected = client.compare_faces(SourceImage=content, TargetImage={"Bytes": other_astronaut_jpeg()})
    for source, target in ((portrait, again), (content, again)):
        found = client.compare_faces(SourceImage=source, TargetImage=target)  # type: ignore[arg-type]
        assert found["FaceMatches"] == expected["FaceMatches"]
        assert found["SourceImageFace"] == expected["SourceImageFace"]
    found = client.compare_faces(SourceImage=strangers, TargetImage=content)  # type: ignore[arg-type]
    assert (len(found["FaceMatches"]), len(found["UnmatchedFaces"])) == (0, 1)


def test_an_object_of_more_than_15_mib_is_too_large(server: RekognitionServer, client: RekognitionClient) -> None:
    album = collection_name()
    server.upload(f"{album}/large.jpg", padded(astronaut_jpeg(), 15 * 2**20))
    server.upload(f"{album}/larger.jpg", padded(astronaut_jpeg(), 15 * 2**20 + 1))
    image: Any = {"S3Object": {"Bucket": PHOTO_BUCKET, "Name": f"{album}/large.jpg"}}
    assert len(client.detect_faces(Image=image)["FaceDetails"]) == 1
    image = {"S3Object": {"Bucket": PHOTO_BUCKET, "Name": f"{album}/larger.jpg"}}
    with pytest.raises(client.exceptions.ImageTooLargeException):
        client.detect_faces(Image=image)


@pytest.mark.parametrize(
    "named",
    [
        {"Bucket": PHOTO_BUCKET, "Name": "no/such.jpg"},
        {"Bucket": "rekognition-derived", "Name": "a/b.jpg"},
        {"Bucket": "another-owners-bucket", "Name": "a/b.jpg"},
        {"Bucket": PHOTO_BUCKET},
        {"Name": "a/b.jpg"},
        {"Bucket": PHOTO_BUCKET, "Name": "a/b.jpg", "Version": "latest"},
        {"Bucket": PHOTO_BUCKET, "Name": "a/b.jpg", "Version": "-1"},
        {"Bucket": PHOTO_BUCKET, "Name": "a/b.jpg", "Version": "9" * 30},
    ],
)
def test_an_unknown_object_and_another_bucket_get_the_same_answer(client: RekognitionClient, named: Any) -> None:
    with pytest.raises(client.exceptions.InvalidS3ObjectException, match="Unable to get object metadata from S3"):
        client.detect_faces(Image={"S3Object": named})


def test_a_key_of_one_album_reads_no_photo_of_another(server: RekognitionServer) -> None:
    mine, other = collection_name(), collection_name()
    for album in (mine, other):
        server.upload(f"{album}/photo.jpg", astronaut_jpeg())
    client = server.client(Scope.SEARCH, albums=frozenset({mine}))
    image: Any = {"S3Object": {"Bucket": PHOTO_BUCKET, "Name": f"{mine}/photo.jpg"}}
    assert len(client.detect_faces(Image=image)["FaceDetails"]) == 1
    theirs: Any = {"S3Object": {"Bucket": PHOTO_BUCKET, "Name": f"{other}/photo.jpg"}}
    with pytest.raises(client.exceptions.InvalidS3ObjectException):
        client.detect_faces(Image=theirs)
    assert len(client.compare_faces(SourceImage=image, TargetImage=image)["FaceMatches"]) == 1
    for source, target in ((image, theirs), (theirs, image)):
        with pytest.raises(client.exceptions.InvalidS3ObjectException):
            client.compare_faces(SourceImage=source, TargetImage=target)

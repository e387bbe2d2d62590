"""The input shape of each operation in the service model, restated because the function runs without botocore.

A test compares every shape here with the model in botocore.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from photofinish_functions.rekognition.shapes import Blob, List, Map, Number, Shape, Structure, Text

ATTRIBUTES: Final = (
    "DEFAULT", "ALL", "AGE_RANGE", "BEARD", "EMOTIONS", "EYE_DIRECTION", "EYEGLASSES", "EYES_OPEN", "GENDER",
    "MOUTH_OPEN", "MUSTACHE", "FACE_OCCLUDED", "SMILE", "SUNGLASSES",
)  # fmt: skip
QUALITY_FILTERS: Final = ("NONE", "AUTO", "LOW", "MEDIUM", "HIGH")
_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

COLLECTION_ID = Text(min=1, max=255, pattern=r"[a-zA-Z0-9_.\-]+")
USER_ID = Text(min=1, max=128, pattern=r"[a-zA-Z0-9_.\-:]+")
EXTERNAL_IMAGE_ID = Text(min=1, max=255, pattern=r"[a-zA-Z0-9_.\-:]+")
_CLIENT_REQUEST_TOKEN = Text(min=1, max=64, pattern="^[a-zA-Z0-9-_]+$")
_PAGINATION_TOKEN = Text(max=255)
_RESOURCE_ARN = Text(min=20, max=2048)
_FACE_ID = Text(pattern=_UUID)
_FACE_IDS = List(of=_FACE_ID, min=1, max=4096)
_USER_FACE_IDS = List(of=_FACE_ID, min=1, max=100)
_TAG_KEY = Text(min=1, max=128, pattern=r"^(?!aws:)[\p{L}\p{Z}\p{N}_.:/=+\-@]*$")
_TAGS = Map(key=_TAG_KEY, value=Text(min=0, max=256, pattern=r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$"), min=0, max=200)
_PAGE_SIZE = Number(min=0, max=4096, integer=True)
_MAX_USERS = Number(min=1, max=500, integer=True)
_MAX_FACES = Number(min=1, max=4096, integer=True)
_PERCENT = Number(min=0, max=100)
_FRACTION = Number(min=0, max=1)
_QUALITY_FILTER = Text(enum=QUALITY_FILTERS)
_ATTRIBUTES = List(of=Text(enum=ATTRIBUTES))
_IMAGE = Structure(
    {
        "Bytes": Blob(min=1, max=5_242_880),
        "S3Object": Structure(
            {
                "Bucket": Text(min=3, max=255, pattern=r"[0-9A-Za-z\.\-_]*"),
                "Name": Text(min=1, max=1024),
                "Version": Text(min=1, max=1024),
            }
        ),
    }
)
_BOX = Structure({"Width": Number(), "Height": Number(), "Left": Number(), "Top": Number()})
_REGION = Structure({"BoundingBox": _BOX, "Polygon": List(of=Structure({"X": Number(), "Y": Number()}))})
_WORD_FILTER = Structure(
    {"MinConfidence": _PERCENT, "MinBoundingBoxHeight": _FRACTION, "MinBoundingBoxWidth": _FRACTION}
)
_COLLECTION = {"CollectionId": COLLECTION_ID}
_USER = {**_COLLECTION, "UserId": USER_ID, "ClientRequestToken": _CLIENT_REQUEST_TOKEN}


def _requiring(members: Mapping[str, Shape], *required: str) -> Structure:
    return Structure(members, frozenset(required))


REQUESTS: Final = {
    "CreateCollection": _requiring({**_COLLECTION, "Tags": _TAGS}, "CollectionId"),
    "DescribeCollection": _requiring({**_COLLECTION}, "CollectionId"),
    "ListCollections": Structure({"NextToken": _PAGINATION_TOKEN, "MaxResults": _PAGE_SIZE}),
    "DeleteCollection": _requiring({**_COLLECTION}, "CollectionId"),
    "TagResource": _requiring({"ResourceArn": _RESOURCE_ARN, "Tags": _TAGS}, "ResourceArn", "Tags"),
    "UntagResource": _requiring(
        {"ResourceArn": _RESOURCE_ARN, "TagKeys": List(of=_TAG_KEY, min=0, max=200)}, "ResourceArn", "TagKeys"
    ),
    "ListTagsForResource": _requiring({"ResourceArn": _RESOURCE_ARN}, "ResourceArn"),
    "IndexFaces": _requiring(
        {
            **_COLLECTION,
            "Image": _IMAGE,
            "ExternalImageId": EXTERNAL_IMAGE_ID,
            "DetectionAttributes": _ATTRIBUTES,
            "MaxFaces": Number(min=1, integer=True),
            "QualityFilter": _QUALITY_FILTER,
        },
        "CollectionId",
        "Image",
    ),
    "ListFaces": _requiring(
        {
            **_COLLECTION,
            "NextToken": _PAGINATION_TOKEN,
            "MaxResults": _PAGE_SIZE,
            "UserId": USER_ID,
            "FaceIds": _FACE_IDS,
        },
        "CollectionId",
    ),
    "DeleteFaces": _requiring({**_COLLECTION, "FaceIds": _FACE_IDS}, "CollectionId", "FaceIds"),
    "SearchFaces": _requiring(
        {**_COLLECTION, "FaceId": _FACE_ID, "MaxFaces": _MAX_FACES, "FaceMatchThreshold": _PERCENT},
        "CollectionId",
        "FaceId",
    ),
    "SearchFacesByImage": _requiring(
        {
            **_COLLECTION,
            "Image": _IMAGE,
            "MaxFaces": _MAX_FACES,
            "FaceMatchThreshold": _PERCENT,
            "QualityFilter": _QUALITY_FILTER,
        },
        "CollectionId",
        "Image",
    ),
    "CompareFaces": _requiring(
        {
            "SourceImage": _IMAGE,
            "TargetImage": _IMAGE,
            "SimilarityThreshold": _PERCENT,
            "QualityFilter": _QUALITY_FILTER,
        },
        "SourceImage",
        "TargetImage",
    ),
    "DetectFaces": _requiring({"Image": _IMAGE, "Attributes": _ATTRIBUTES}, "Image"),
    "DetectText": _requiring(
        {
            "Image": _IMAGE,
            "Filters": Structure({"WordFilter": _WORD_FILTER, "RegionsOfInterest": List(of=_REGION, min=0, max=10)}),
        },
        "Image",
    ),
    "CreateUser": _requiring(_USER, "CollectionId", "UserId"),
    "DeleteUser": _requiring(_USER, "CollectionId", "UserId"),
    "ListUsers": _requiring({**_COLLECTION, "MaxResults": _MAX_USERS, "NextToken": _PAGINATION_TOKEN}, "CollectionId"),
    "AssociateFaces": _requiring(
        {**_USER, "FaceIds": _USER_FACE_IDS, "UserMatchThreshold": _PERCENT}, "CollectionId", "UserId", "FaceIds"
    ),
    "DisassociateFaces": _requiring({**_USER, "FaceIds": _USER_FACE_IDS}, "CollectionId", "UserId", "FaceIds"),
    "SearchUsers": _requiring(
        {
            **_COLLECTION,
            "UserId": USER_ID,
            "FaceId": _FACE_ID,
            "UserMatchThreshold": _PERCENT,
            "MaxUsers": _MAX_USERS,
        },
        "CollectionId",
    ),
    "SearchUsersByImage": _requiring(
        {
            **_COLLECTION,
            "Image": _IMAGE,
            "UserMatchThreshold": _PERCENT,
            "MaxUsers": _MAX_USERS,
            "QualityFilter": _QUALITY_FILTER,
        },
        "CollectionId",
        "Image",
    ),
}
"""Operation → input shape. Any other operation is unknown."""

"""Collections, each of which is an album, and their tags."""

from __future__ import annotations

from typing import Any

from photofinish.domain.access import Scope
from photofinish.domain.erasure import ErasureKind, ErasureTarget, Reason
from photofinish.domain.photo import is_album_name
from photofinish.wiring import App
from photofinish_functions.rekognition.answers import face_model_version
from photofinish_functions.rekognition.arns import collection_arn, collection_of
from photofinish_functions.rekognition.calls import Answer, Call, Operation, existing_collection, next_token, page_start
from photofinish_functions.rekognition.errors import (
    RekognitionError,
    access_denied,
    collection_exists,
    invalid_parameter,
    invalid_token,
    unknown_collection,
)

DEFAULT_PAGE = 1000
MAX_TAGS = 200


def create_collection(cloud: App, call: Call) -> Answer:
    collection: str = call.request["CollectionId"]
    if not is_album_name(collection):
        raise invalid_parameter(f"The collection id: {collection} is reserved. Choose another one")
    if not cloud.collections.create(collection, call.request.get("Tags", {})):
        raise collection_exists(collection)
    return Answer(
        {
            "StatusCode": 200,
            "CollectionArn": collection_arn(cloud.settings.region, collection),
            "FaceModelVersion": face_model_version(cloud.embedding_space),
        }
    )


def describe_collection(cloud: App, call: Call) -> Answer:
    name: str = call.request["CollectionId"]
    collection = cloud.collections.describe(name)
    if collection is None:
        raise unknown_collection(name)
    body: dict[str, Any] = {
        "FaceCount": collection.face_count,
        "UserCount": collection.user_count,
        "FaceModelVersion": face_model_version(cloud.embedding_space),
        "CollectionARN": collection_arn(cloud.settings.region, name),
    }
    if collection.created_at is not None:
        body["CreationTimestamp"] = round(collection.created_at.timestamp(), 3)
    return Answer(body)


def list_collections(cloud: App, call: Call) -> Answer:
    limit = call.request.get("MaxResults") or DEFAULT_PAGE
    after = _position(cloud, call)
    page = cloud.collections.list_collections(names=call.principal.albums, limit=limit + 1, after=after)
    shown = page[:limit]
    body: dict[str, Any] = {
        "CollectionIds": [name for _, name in shown],
        "FaceModelVersions": [face_model_version(cloud.embedding_space)] * len(shown),
    }
    if len(page) > limit:
        body["NextToken"] = next_token(cloud, call, str(shown[-1][0]))
    return Answer(body, count=len(shown))


def delete_collection(cloud: App, call: Call) -> Answer:
    collection = existing_collection(cloud, call)
    described = cloud.collections.describe(collection)
    # A client of this protocol does not see that the album holds photographers' photos as well.
    if described and described.holds_dropped_photos and not call.principal.may(Scope.ADMIN, collection):
        raise access_denied(call.operation)
    target = ErasureTarget(kind=ErasureKind.ALBUM, album=collection, id=collection)
    cloud.erasure_requests.request(target, reason=Reason.REQUEST)
    return Answer({"StatusCode": 200}, count=described.face_count if described else None)


def tag_resource(cloud: App, call: Call) -> Answer:
    collection = _tagged(cloud, call)
    if not cloud.collections.add_tags(collection, call.request["Tags"], at_most=MAX_TAGS):
        raise RekognitionError("ServiceQuotaExceededException", f"A collection has at most {MAX_TAGS} tags")
    return Answer({}, count=len(call.request["Tags"]))


def untag_resource(cloud: App, call: Call) -> Answer:
    collection = _tagged(cloud, call)
    cloud.collections.remove_tags(collection, call.request["TagKeys"])
    return Answer({}, count=len(call.request["TagKeys"]))


def list_tags_for_resource(cloud: App, call: Call) -> Answer:
    tags = cloud.collections.tags(_tagged(cloud, call))
    return Answer({"Tags": tags}, count=len(tags))


def _tagged(cloud: App, call: Call) -> str:
    collection = collection_of(call.request["ResourceArn"])
    if collection is None:
        raise invalid_parameter("The ResourceArn is not the ARN of a collection")
    if not cloud.collections.exists(collection):
        raise unknown_collection(collection)
    return collection


def _position(cloud: App, call: Call) -> int:
    try:
        return int(page_start(cloud, call) or 0)
    except ValueError:
        raise invalid_token() from None


OPERATIONS = {
    "CreateCollection": Operation(create_collection, Scope.WRITE),
    "DescribeCollection": Operation(describe_collection, Scope.SEARCH),
    "ListCollections": Operation(list_collections, Scope.SEARCH),
    "DeleteCollection": Operation(delete_collection, Scope.WRITE),
    "TagResource": Operation(tag_resource, Scope.WRITE),
    "UntagResource": Operation(untag_resource, Scope.WRITE),
    "ListTagsForResource": Operation(list_tags_for_resource, Scope.SEARCH),
}

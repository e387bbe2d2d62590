"""Collections: an album each, and their tags."""

from __future__ import annotations

from typing import Any

from photofinish.domain.access import Scope
from photofinish.domain.photo import is_album_name
from photofinish_functions.rekognition.answers import face_model_version
from photofinish_functions.rekognition.arns import collection_arn, collection_of
from photofinish_functions.rekognition.calls import Answer, Call, Operation
from photofinish_functions.rekognition.errors import (
    RekognitionError,
    access_denied,
    collection_exists,
    invalid_parameter,
    invalid_token,
    unknown_collection,
)
from photofinish_functions.rekognition.services import Services

DEFAULT_PAGE = 1000
MAX_TAGS = 200


def create_collection(services: Services, call: Call) -> Answer:
    collection: str = call.request["CollectionId"]
    if not is_album_name(collection):
        raise invalid_parameter(f"The collection id: {collection} is reserved: choose another")
    if not services.collections.create(collection, call.request.get("Tags", {})):
        raise collection_exists(collection)
    return Answer(
        {
            "StatusCode": 200,
            "CollectionArn": collection_arn(services.region, collection),
            "FaceModelVersion": face_model_version(services.embedding_space),
        }
    )


def describe_collection(services: Services, call: Call) -> Answer:
    name: str = call.request["CollectionId"]
    collection = services.collections.describe(name)
    if collection is None:
        raise unknown_collection(name)
    body: dict[str, Any] = {
        "FaceCount": collection.face_count,
        "UserCount": collection.user_count,
        "FaceModelVersion": face_model_version(services.embedding_space),
        "CollectionARN": collection_arn(services.region, name),
    }
    if collection.created_at is not None:
        body["CreationTimestamp"] = round(collection.created_at.timestamp(), 3)
    return Answer(body)


def list_collections(services: Services, call: Call) -> Answer:
    limit = call.request.get("MaxResults") or DEFAULT_PAGE
    after = _position(services, call)
    page = services.collections.list_collections(names=call.principal.albums, limit=limit + 1, after=after)
    shown = page[:limit]
    body: dict[str, Any] = {
        "CollectionIds": [name for _, name in shown],
        "FaceModelVersions": [face_model_version(services.embedding_space)] * len(shown),
    }
    if len(page) > limit:
        body["NextToken"] = services.tokens.seal(str(shown[-1][0]), operation=call.operation)
    return Answer(body, count=len(shown))


def delete_collection(services: Services, call: Call) -> Answer:
    collection = call.existing_collection(services)
    described = services.collections.describe(collection)
    # What photographers dropped is more than a client of this protocol knows of.
    if described and described.holds_dropped_photos and not call.principal.may(Scope.ADMIN, collection):
        raise access_denied(call.operation)
    services.people.drop_album(collection)
    services.index.drop_album(collection)
    services.collections.forget(collection)
    return Answer({"StatusCode": 200}, count=described.face_count if described else None)


def tag_resource(services: Services, call: Call) -> Answer:
    collection = _tagged(services, call)
    if not services.collections.add_tags(collection, call.request["Tags"], at_most=MAX_TAGS):
        raise RekognitionError("ServiceQuotaExceededException", f"A collection has at most {MAX_TAGS} tags")
    return Answer({}, count=len(call.request["Tags"]))


def untag_resource(services: Services, call: Call) -> Answer:
    collection = _tagged(services, call)
    services.collections.remove_tags(collection, call.request["TagKeys"])
    return Answer({}, count=len(call.request["TagKeys"]))


def list_tags_for_resource(services: Services, call: Call) -> Answer:
    tags = services.collections.tags(_tagged(services, call))
    return Answer({"Tags": tags}, count=len(tags))


def _tagged(services: Services, call: Call) -> str:
    collection = collection_of(call.request["ResourceArn"])
    if collection is None:
        raise invalid_parameter("The ResourceArn is not the ARN of a collection")
    if not services.collections.exists(collection):
        raise unknown_collection(collection)
    return collection


def _position(services: Services, call: Call) -> int:
    if "NextToken" not in call.request:
        return 0
    try:
        return int(services.tokens.open(call.request["NextToken"], operation=call.operation))
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

"""Users of a collection: people to whom faces were given, found by what all of these look like together."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

from photofinish.domain.access import Scope
from photofinish.domain.face import Embedding, Face
from photofinish.domain.people import Person
from photofinish.errors import Conflict, NotFound
from photofinish_functions.rekognition.answers import face_detail, face_model_version
from photofinish_functions.rekognition.calls import (
    DEFAULT_THRESHOLD,
    PICTURE_COST,
    Answer,
    Call,
    Operation,
    faces_in,
)
from photofinish_functions.rekognition.errors import (
    face_not_in_collection,
    invalid_parameter,
    token_reused,
    too_many_faces_of_user,
    unknown_user,
    user_exists,
)
from photofinish_functions.rekognition.services import Services

MAX_FACES_OF_USER = 100
DEFAULT_ASSOCIATION_THRESHOLD = 75.0
DEFAULT_PAGE = 500
DEFAULT_MAX_USERS = 100
_REFUSED = {
    "unknown_face": "FACE_NOT_FOUND",
    "other_person": "ASSOCIATED_TO_A_DIFFERENT_USER",
    "not_similar": "LOW_MATCH_CONFIDENCE",
}

Handler = Callable[[Services, Call], Answer]


def _once_per_token(handler: Handler) -> Handler:
    """Give a request that repeats a ClientRequestToken the answer that the first one got.

    Every SDK makes such a token for these operations, so that one that is sent again after a lost answer does nothing.
    """

    @functools.wraps(handler)
    def handle(services: Services, call: Call) -> Answer:
        collection = call.existing_collection(services)
        token = call.request.get("ClientRequestToken")
        if token is None:
            return handler(services, call)
        digest = _digest(call)
        earlier = services.collections.recall(collection, token)
        if earlier is None:
            answer = handler(services, call)
            services.collections.remember(collection, token, digest, answer.body)
            return answer
        request_sha256, body = earlier
        if request_sha256 != digest:
            raise token_reused()
        return Answer(body, target=call.request["UserId"])

    return handle


@_once_per_token
def create_user(services: Services, call: Call) -> Answer:
    user: str = call.request["UserId"]
    try:
        services.users.create_user(call.request["CollectionId"], user, by=call.principal.id)
    except Conflict:
        raise user_exists(user) from None
    return Answer({}, target=user)


@_once_per_token
def delete_user(services: Services, call: Call) -> Answer:
    user: str = call.request["UserId"]
    if not services.users.delete_user(call.request["CollectionId"], user, by=call.principal.id):
        raise unknown_user(user)
    return Answer({}, target=user)


def list_users(services: Services, call: Call) -> Answer:
    collection = call.existing_collection(services)
    limit = call.request.get("MaxResults", DEFAULT_PAGE)
    after = None
    if "NextToken" in call.request:
        after = services.tokens.open(call.request["NextToken"], operation=call.operation, collection=collection)
    page = services.users.list_users(collection, limit=limit + 1, after=after)
    shown = page[:limit]
    body: dict[str, Any] = {"Users": [_user(person) for person in shown]}
    if len(page) > limit:
        body["NextToken"] = services.tokens.seal(
            shown[-1].user_id or "", operation=call.operation, collection=collection
        )
    return Answer(body, count=len(shown))


@_once_per_token
def associate_faces(services: Services, call: Call) -> Answer:
    collection, user = call.request["CollectionId"], call.request["UserId"]
    face_ids = list(dict.fromkeys(call.request["FaceIds"]))
    threshold = call.request.get("UserMatchThreshold", DEFAULT_ASSOCIATION_THRESHOLD)
    before = set(services.users.user_faces(collection, user))
    if len(before | set(face_ids)) > MAX_FACES_OF_USER:
        raise too_many_faces_of_user(user, MAX_FACES_OF_USER)
    try:
        changes = services.users.associate_faces(
            collection, user, face_ids, min_similarity=services.similarity.cosine(threshold), by=call.principal.id
        )
    except NotFound:
        raise unknown_user(user) from None
    associated = [{"FaceId": one} for one in changes.changed if one not in before]
    user_of = services.users.users_of_faces(collection, list(changes.refused)) if changes.refused else {}
    return Answer(
        {
            "AssociatedFaces": associated,
            "UnsuccessfulFaceAssociations": [
                {"FaceId": one, "Reasons": [_REFUSED[code]]} | ({"UserId": user_of[one]} if one in user_of else {})
                for one, code in changes.refused.items()
            ],
            "UserStatus": _status_of(services, collection, user),
        },
        target=user,
        count=len(associated),
    )


@_once_per_token
def disassociate_faces(services: Services, call: Call) -> Answer:
    collection, user = call.request["CollectionId"], call.request["UserId"]
    face_ids = list(dict.fromkeys(call.request["FaceIds"]))
    try:
        changes = services.users.disassociate_faces(collection, user, face_ids, by=call.principal.id)
    except NotFound:
        raise unknown_user(user) from None
    user_of = services.users.users_of_faces(collection, list(changes.refused)) if changes.refused else {}
    unsuccessful: list[dict[str, Any]] = []
    for one, code in changes.refused.items():
        if code == "unknown_face":
            unsuccessful.append({"FaceId": one, "Reasons": ["FACE_NOT_FOUND"]})
        elif one in user_of:  # one that is nobody's is as it shall be, and AWS does not mention it
            unsuccessful.append({"FaceId": one, "UserId": user_of[one], "Reasons": ["ASSOCIATED_TO_A_DIFFERENT_USER"]})
    return Answer(
        {
            "DisassociatedFaces": [{"FaceId": one} for one in changes.changed],
            "UnsuccessfulFaceDisassociations": unsuccessful,
            "UserStatus": _status_of(services, collection, user),
        },
        target=user,
        count=len(changes.changed),
    )


def search_users(services: Services, call: Call) -> Answer:
    collection = call.existing_collection(services)
    user, face = call.request.get("UserId"), call.request.get("FaceId")
    if (user is None) == (face is None):
        raise invalid_parameter("Request has invalid parameters: give either a UserId or a FaceId")
    if user is not None:
        searched: dict[str, Any] = {"SearchedUser": {"UserId": user}}
        query = _looks_of(services, collection, user)
    else:
        searched = {"SearchedFace": {"FaceId": face}}
        query = services.index.embeddings(collection, [face or ""]).get(face or "")
        if query is None:
            raise face_not_in_collection()
    matches = [] if query is None else _matches(services, call, collection, query, without=user)
    return Answer(
        {
            "UserMatches": matches,
            "FaceModelVersion": face_model_version(services.embedding_space),
            **searched,
        },
        target=user or face,
        count=len(matches),
    )


def search_users_by_image(services: Services, call: Call) -> Answer:
    collection = call.existing_collection(services)
    faces, _ = faces_in(services, call)
    quality_filter = call.request.get("QualityFilter", "NONE")
    searched: Face | None = None
    unsearched: list[dict[str, Any]] = []
    for face in faces:
        reasons = services.quality.reasons_against(face, quality_filter)
        if searched is None and not reasons:
            searched = face
        else:
            unsearched.append({"FaceDetails": face_detail(face), "Reasons": reasons or ["FACE_NOT_LARGEST"]})
    matches = [] if searched is None else _matches(services, call, collection, searched.embedding)
    body: dict[str, Any] = {
        "UserMatches": matches,
        "FaceModelVersion": face_model_version(services.embedding_space),
        "UnsearchedFaces": unsearched,
    }
    if searched is not None:
        body["SearchedFace"] = {"FaceDetail": face_detail(searched)}
    return Answer(body, count=len(matches))


def _matches(
    services: Services, call: Call, collection: str, query: Embedding, *, without: str | None = None
) -> Sequence[dict[str, Any]]:
    threshold = call.request.get("UserMatchThreshold", DEFAULT_THRESHOLD)
    found = services.users.search_users(
        collection,
        query,
        limit=call.request.get("MaxUsers", DEFAULT_MAX_USERS),
        min_similarity=services.similarity.cosine(threshold),
        without=without,
    )
    return [
        {"Similarity": round(services.similarity.similarity(match.similarity), 4), "User": _user(match.person)}
        for match in found
    ]


def _looks_of(services: Services, collection: str, user: str) -> Embedding | None:
    """What a user looks like to the model in use; None for one without faces."""
    person = services.users.get_user(collection, user)
    if person is None:
        raise unknown_user(user)
    looks = services.people.embeddings(collection, person.person_id)
    return next((one for one in looks if one.space == services.embedding_space), None)


def _user(person: Person) -> dict[str, Any]:
    return {"UserId": person.user_id, "UserStatus": _status(person)}


def _status(person: Person) -> str:
    return "ACTIVE" if person.confirmed_count else "CREATED"


def _status_of(services: Services, collection: str, user: str) -> str:
    person = services.users.get_user(collection, user)
    if person is None:
        raise unknown_user(user)
    return _status(person)


def _digest(call: Call) -> bytes:
    request = {name: value for name, value in call.request.items() if name != "ClientRequestToken"}
    return hashlib.sha256(json.dumps([call.operation, request], sort_keys=True).encode()).digest()


OPERATIONS = {
    "CreateUser": Operation(create_user, Scope.WRITE),
    "DeleteUser": Operation(delete_user, Scope.WRITE),
    "ListUsers": Operation(list_users, Scope.SEARCH),
    "AssociateFaces": Operation(associate_faces, Scope.WRITE),
    "DisassociateFaces": Operation(disassociate_faces, Scope.WRITE),
    "SearchUsers": Operation(search_users, Scope.SEARCH),
    "SearchUsersByImage": Operation(search_users_by_image, Scope.SEARCH, PICTURE_COST),
}

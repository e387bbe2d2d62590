"""Users of a collection: people with associated faces, who are found by the mean embedding of these faces."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

from photofinish.domain.access import Scope
from photofinish.domain.erasure import ErasureKind, ErasureTarget, Reason
from photofinish.domain.face import Embedding, Face
from photofinish.domain.matching import rounded_similarity
from photofinish.domain.people import Person
from photofinish.domain.search_results import BestMatch
from photofinish.errors import Conflict, NotFound
from photofinish.wiring import App
from photofinish_functions.rekognition.answers import face_detail, face_model_version
from photofinish_functions.rekognition.calls import (
    PICTURE_COST,
    Answer,
    Call,
    Operation,
    charge_search,
    existing_collection,
    existing_user,
    faces_in,
    next_token,
    page_start,
    picture_in,
    required_cosine,
)
from photofinish_functions.rekognition.errors import (
    face_not_in_collection,
    invalid_parameter,
    token_reused,
    too_many_faces_of_user,
    unknown_user,
    user_exists,
)
from photofinish_functions.rekognition.quality import reasons_against
from photofinish_functions.rekognition.similarity import ASSOCIATION, SimilarityScale

MAX_FACES_OF_USER = 100
DEFAULT_PAGE = 500
DEFAULT_MAX_USERS = 100
_REFUSED = {
    "unknown_face": "FACE_NOT_FOUND",
    "other_person": "ASSOCIATED_TO_A_DIFFERENT_USER",
    "not_similar": "LOW_MATCH_CONFIDENCE",
}

Handler = Callable[[App, Call], Answer]


def _once_per_token(handler: Handler) -> Handler:
    """Answer a request that repeats a ClientRequestToken as the first one was answered, and do nothing.

    SDKs send such a token with these operations, so that a retry after a lost answer changes nothing.
    """

    @functools.wraps(handler)
    def handle(cloud: App, call: Call) -> Answer:
        collection = existing_collection(cloud, call)
        token = call.request.get("ClientRequestToken")
        if token is None:
            return handler(cloud, call)
        digest = _digest(call)
        earlier = cloud.collections.recall(collection, token)
        if earlier is None:
            answer = handler(cloud, call)
            cloud.collections.remember(collection, token, digest, answer.body)
            return answer
        request_sha256, body = earlier
        if request_sha256 != digest:
            raise token_reused()
        return Answer(body, target=call.request["UserId"])

    return handle


@_once_per_token
def create_user(cloud: App, call: Call) -> Answer:
    user: str = call.request["UserId"]
    try:
        cloud.users.create_user(call.request["CollectionId"], user, by=call.principal.id)
    except Conflict:
        raise user_exists(user) from None
    return Answer({}, target=user)


@_once_per_token
def delete_user(cloud: App, call: Call) -> Answer:
    user: str = call.request["UserId"]
    collection: str = call.request["CollectionId"]
    person = cloud.users.get_user(collection, user)
    if person is None:
        raise unknown_user(user)
    # As Amazon documents it, the faces of a deleted user stay in the collection.
    target = ErasureTarget(kind=ErasureKind.PERSON, album=collection, id=person.person_id, with_faces=False)
    cloud.erasure_requests.request(target, reason=Reason.REQUEST)
    return Answer({}, target=user)


def list_users(cloud: App, call: Call) -> Answer:
    collection = existing_collection(cloud, call)
    limit = call.request.get("MaxResults", DEFAULT_PAGE)
    page = cloud.users.list_users(collection, limit=limit + 1, after=page_start(cloud, call, collection))
    shown = page[:limit]
    body: dict[str, Any] = {"Users": [_user(person) for person in shown]}
    if len(page) > limit:
        body["NextToken"] = next_token(cloud, call, shown[-1].user_id or "", collection)
    return Answer(body, count=len(shown))


@_once_per_token
def associate_faces(cloud: App, call: Call) -> Answer:
    collection, user = call.request["CollectionId"], call.request["UserId"]
    face_ids = list(dict.fromkeys(call.request["FaceIds"]))
    threshold = call.request.get("UserMatchThreshold", ASSOCIATION)
    min_similarity = SimilarityScale(cloud.calibration).associated(threshold)
    before = set(cloud.users.user_faces(collection, user))
    if len(before | set(face_ids)) > MAX_FACES_OF_USER:
        raise too_many_faces_of_user(user, MAX_FACES_OF_USER)
    try:
        changes = cloud.users.associate_faces(
            collection, user, face_ids, min_similarity=min_similarity, by=call.principal.id
        )
    except NotFound:
        raise unknown_user(user) from None
    associated = [{"FaceId": one} for one in changes.changed if one not in before]
    user_of = cloud.users.users_of_faces(collection, list(changes.refused)) if changes.refused else {}
    return Answer(
        {
            "AssociatedFaces": associated,
            "UnsuccessfulFaceAssociations": [
                {"FaceId": one, "Reasons": [_REFUSED[code]]} | ({"UserId": user_of[one]} if one in user_of else {})
                for one, code in changes.refused.items()
            ],
            "UserStatus": _status(existing_user(cloud, collection, user)),
        },
        target=user,
        count=len(associated),
    )


@_once_per_token
def disassociate_faces(cloud: App, call: Call) -> Answer:
    collection, user = call.request["CollectionId"], call.request["UserId"]
    face_ids = list(dict.fromkeys(call.request["FaceIds"]))
    try:
        changes = cloud.users.disassociate_faces(collection, user, face_ids, by=call.principal.id)
    except NotFound:
        raise unknown_user(user) from None
    user_of = cloud.users.users_of_faces(collection, list(changes.refused)) if changes.refused else {}
    unsuccessful: list[dict[str, Any]] = []
    for one, code in changes.refused.items():
        if code == "unknown_face":
            unsuccessful.append({"FaceId": one, "Reasons": ["FACE_NOT_FOUND"]})
        elif one in user_of:  # a face without a user needs no change, and AWS does not list it
            unsuccessful.append({"FaceId": one, "UserId": user_of[one], "Reasons": ["ASSOCIATED_TO_A_DIFFERENT_USER"]})
    return Answer(
        {
            "DisassociatedFaces": [{"FaceId": one} for one in changes.changed],
            "UnsuccessfulFaceDisassociations": unsuccessful,
            "UserStatus": _status(existing_user(cloud, collection, user)),
        },
        target=user,
        count=len(changes.changed),
    )


def search_users(cloud: App, call: Call) -> Answer:
    collection = existing_collection(cloud, call)
    user, face = call.request.get("UserId"), call.request.get("FaceId")
    if (user is None) == (face is None):
        raise invalid_parameter("Request has invalid parameters: give either a UserId or a FaceId")
    if user is not None:
        searched: dict[str, Any] = {"SearchedUser": {"UserId": user}}
        query = _embedding_of(cloud, collection, user)
    else:
        searched = {"SearchedFace": {"FaceId": face}}
        query = cloud.index.embeddings(collection, [face or ""]).get(face or "")
        if query is None:
            raise face_not_in_collection()
    asked = [b"user", *(one.encode() for one in cloud.users.user_faces(collection, user))] if user else []
    asked += [(user or face or "").encode()]
    matches = [] if query is None else _matches(cloud, call, collection, query, asked, without=user)
    return Answer(
        {
            "UserMatches": matches,
            "FaceModelVersion": face_model_version(cloud.embedding_space),
            **searched,
        },
        target=user or face,
        count=len(matches),
    )


def search_users_by_image(cloud: App, call: Call) -> Answer:
    collection = existing_collection(cloud, call)
    faces = faces_in(cloud, picture_in(cloud, call))
    quality_filter = call.request.get("QualityFilter", "NONE")
    searched: Face | None = None
    unsearched: list[dict[str, Any]] = []
    for face in faces:
        reasons = reasons_against(face, quality_filter, cloud.calibration)
        if searched is None and not reasons:
            searched = face
        else:
            unsearched.append({"FaceDetails": face_detail(face), "Reasons": reasons or ["FACE_NOT_LARGEST"]})
    matches: Sequence[dict[str, Any]] = []
    if searched is not None:
        query = searched.embedding
        matches = _matches(cloud, call, collection, query, [query.vector.tobytes()])
    body: dict[str, Any] = {
        "UserMatches": matches,
        "FaceModelVersion": face_model_version(cloud.embedding_space),
        "UnsearchedFaces": unsearched,
    }
    if searched is not None:
        body["SearchedFace"] = {"FaceDetail": face_detail(searched)}
    return Answer(body, count=len(matches))


def _matches(
    cloud: App,
    call: Call,
    collection: str,
    query: Embedding,
    distinguished_by: Sequence[bytes],
    *,
    without: str | None = None,
) -> Sequence[dict[str, Any]]:
    scale = SimilarityScale(cloud.calibration)
    required = required_cosine(cloud, call, collection, "UserMatchThreshold")
    found = cloud.users.search_users(
        collection,
        query,
        limit=call.request.get("MaxUsers", DEFAULT_MAX_USERS),
        min_similarity=cloud.calibration.min_similarity,
        without=without,
    )
    # Rounded before they are compared and ordered, so that a threshold or the order tells no more than the number.
    rounded = [(rounded_similarity(match.similarity, cloud.calibration), match.person) for match in found]
    matches = sorted(
        ((cosine, person) for cosine, person in rounded if cosine >= required),
        key=lambda match: (-match[0], match[1].user_id or ""),
    )
    best = BestMatch(face_id=f"user {matches[0][1].person_id}", similarity=matches[0][0]) if matches else None
    charge_search(cloud, call, collection, distinguished_by, best)
    return [{"Similarity": scale.shown(cosine), "User": _user(person)} for cosine, person in matches]


def _embedding_of(cloud: App, collection: str, user: str) -> Embedding | None:
    """Return the mean embedding of the user's faces in the embedding space in use; None without faces."""
    person = existing_user(cloud, collection, user)
    embeddings = cloud.people.embeddings(collection, person.person_id)
    return next((one for one in embeddings if one.space == cloud.embedding_space), None)


def _user(person: Person) -> dict[str, Any]:
    return {"UserId": person.user_id, "UserStatus": _status(person)}


def _status(person: Person) -> str:
    return "ACTIVE" if person.confirmed_count else "CREATED"


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

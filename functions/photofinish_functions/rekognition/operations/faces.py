"""Faces of a collection: indexing, listing, deleting.

In the index each face that was added through the protocol is the only face of its own photo entry, so the faces of one
picture are added and deleted one by one, and keep their ids when the others change.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from typing import Any

from photofinish.analysis.imaging.sharpness import frame_sharpness
from photofinish.domain.access import Scope
from photofinish.domain.analysis import ImageInfo, PhotoAnalysis
from photofinish.domain.erasure import Reason
from photofinish.domain.face import Face, face_id
from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef
from photofinish.domain.sharpness import Sharpness, is_blurry
from photofinish.ports import COLLECTION_BUCKET, CollectionFace
from photofinish.wiring import App
from photofinish_functions.rekognition.answers import box_json, collection_face, face_detail, face_model_version
from photofinish_functions.rekognition.calls import (
    PICTURE_COST,
    Answer,
    Call,
    Operation,
    existing_collection,
    existing_user,
    faces_in,
    next_token,
    page_start,
    picture_in,
)
from photofinish_functions.rekognition.images import Picture
from photofinish_functions.rekognition.quality import MAX_FACES, reasons_against

DEFAULT_PAGE = 1000
# Part of every face's id, so it never changes.
_PIPELINE_VERSION = "rekognition-1"
# A face at the position of an indexed one is that face: another detector may place its box slightly differently.
_SAME_FACE_OVERLAP = 0.5


def index_faces(cloud: App, call: Call) -> Answer:
    collection = existing_collection(cloud, call)
    picture = picture_in(cloud, call)
    faces = faces_in(cloud, picture)
    quality_filter = call.request.get("QualityFilter", "AUTO")
    reasons = [reasons_against(face, quality_filter, cloud.calibration) for face in faces]
    may_be_indexed = cloud.admission.may_be_indexed(collection, [face.embedding for face in faces])
    withheld = [face for face, may in zip(faces, may_be_indexed, strict=True) if not may]
    reasons = [why for why, may in zip(reasons, may_be_indexed, strict=True) if may]
    faces = tuple(face for face, may in zip(faces, may_be_indexed, strict=True) if may)
    accepted = [face for face, why in zip(faces, reasons, strict=True) if not why]
    rejected = [(face, why) for face, why in zip(faces, reasons, strict=True) if why]
    max_faces = min(MAX_FACES, call.request.get("MaxFaces", MAX_FACES))
    rejected += [(face, ["EXCEEDS_MAX_FACES"]) for face in accepted[max_faces:]]
    records = _index(cloud, collection, picture, accepted[:max_faces], call.request.get("ExternalImageId"))
    return Answer(
        {
            "FaceRecords": records,
            "UnindexedFaces": [{"Reasons": why, "FaceDetail": face_detail(face)} for face, why in rejected]
            # The protocol has no reason for a person who does not want to be indexed, and they keep a box only.
            + [{"Reasons": [], "FaceDetail": {"BoundingBox": box_json(face.box)}} for face in withheld],
            "FaceModelVersion": face_model_version(cloud.embedding_space),
        },
        count=len(records),
    )


def list_faces(cloud: App, call: Call) -> Answer:
    collection = existing_collection(cloud, call)
    limit = call.request.get("MaxResults") or DEFAULT_PAGE
    page = cloud.collections.faces(
        collection,
        limit=limit + 1,
        after=page_start(cloud, call, collection),
        face_ids=_requested_faces(cloud, call, collection),
    )
    shown = page[:limit]
    body: dict[str, Any] = {
        "Faces": described(cloud, collection, shown),
        "FaceModelVersion": face_model_version(cloud.embedding_space),
    }
    if len(page) > limit:
        body["NextToken"] = next_token(cloud, call, shown[-1].face_id, collection)
    return Answer(body, count=len(shown))


def delete_faces(cloud: App, call: Call) -> Answer:
    collection = existing_collection(cloud, call)
    face_ids = list(dict.fromkeys(call.request["FaceIds"]))
    user_of = cloud.users.users_of_faces(collection, face_ids)
    free = [one for one in face_ids if one not in user_of]
    deleted = cloud.erasure_requests.request_faces(collection, free, reason=Reason.REQUEST)
    unsuccessful: list[dict[str, Any]] = []
    for one in face_ids:
        if one in user_of:
            reasons = ["ASSOCIATED_TO_AN_EXISTING_USER"]
            unsuccessful.append({"FaceId": one, "UserId": user_of[one], "Reasons": reasons})
        elif one not in deleted:
            unsuccessful.append({"FaceId": one, "Reasons": ["FACE_NOT_FOUND"]})
    return Answer(
        {
            "DeletedFaces": [one for one in face_ids if one in deleted],
            "UnsuccessfulFaceDeletions": unsuccessful,
        },
        target=face_ids[0] if len(face_ids) == 1 else None,
        count=len(deleted),
    )


def described(cloud: App, collection: str, faces: Sequence[CollectionFace]) -> list[dict[str, Any]]:
    """Return the faces in the protocol's shape `Face`, each with the user that it belongs to."""
    user_of = cloud.users.users_of_faces(collection, [face.face_id for face in faces]) if faces else {}
    return [collection_face(face, user_of.get(face.face_id)) for face in faces]


def _requested_faces(cloud: App, call: Call, collection: str) -> list[str] | None:
    """Return the ids of the faces to which the request limits the list; None for all."""
    face_ids: list[str] | None = call.request.get("FaceIds")
    if "UserId" not in call.request:
        return face_ids
    user = call.request["UserId"]
    existing_user(cloud, collection, user)
    of_user = cloud.users.user_faces(collection, user)
    return of_user if face_ids is None else [one for one in of_user if one in set(face_ids)]


def _index(
    cloud: App, collection: str, picture: Picture, faces: Sequence[Face], external_image_id: str | None
) -> list[dict[str, Any]]:
    """Index those of `faces` that are not indexed yet, and return the `FaceRecords` of all of them, in order."""
    image_id = _image_id(picture, external_image_id)
    stored = cloud.collections.faces_of_picture(collection, image_id)
    photos = []
    to_index: list[tuple[PhotoRef, Face]] = []
    for face in faces:
        known = _same_face(face, stored)
        photo = _photo_of(face, collection, image_id, picture) if known is None else known.photo
        photos.append(photo)
        # Searches do not find a face in the embedding space of another model, so it is indexed again.
        if known is None or known.embedding_space != face.embedding.space:
            to_index.append((photo, face))
    face_ids = [face_id(photo, _PIPELINE_VERSION, 0) for photo in photos]
    if to_index:
        # Named before they are indexed, so that no reader sees a face without its picture's name.
        cloud.collections.name_picture(
            collection,
            [face_id(photo, _PIPELINE_VERSION, 0) for photo, _ in to_index],
            image_id=image_id,
            external_image_id=external_image_id,
        )
        frame, laplacian_variance = frame_sharpness(picture.pixels)
        for photo, face in to_index:
            sharpness = Sharpness(
                frame=frame, laplacian_variance=laplacian_variance, is_blurry=is_blurry(frame, [face])
            )
            cloud.index.replace(photo, _PIPELINE_VERSION, _analysis(picture, face, sharpness))
        _delete_opted_out(cloud, collection, to_index)
    indexed = cloud.collections.faces(collection, limit=MAX_FACES, face_ids=face_ids)
    shown = {face["FaceId"]: face for face in described(cloud, collection, indexed)}
    # Another request may have deleted a face in the meantime.
    return [
        {"Face": shown[one], "FaceDetail": face_detail(face)}
        for one, face in zip(face_ids, faces, strict=True)
        if one in shown
    ]


def _delete_opted_out(cloud: App, collection: str, indexed: Sequence[tuple[PhotoRef, Face]]) -> None:
    """Delete faces whose person opted out while they were indexed; one who does so later finds them in the index."""
    may_be_indexed = cloud.admission.may_be_indexed(collection, [face.embedding for _, face in indexed])
    refused = [
        face_id(photo, _PIPELINE_VERSION, 0) for (photo, _), may in zip(indexed, may_be_indexed, strict=True) if not may
    ]
    if refused:
        cloud.collections.delete_faces(collection, refused)


def _image_id(picture: Picture, external_image_id: str | None) -> str:
    digest = hashlib.sha256(f"{picture.sha256}\0{external_image_id or ''}".encode()).hexdigest()
    return str(uuid.UUID(digest[:32]))


def _photo_of(face: Face, collection: str, image_id: str, picture: Picture) -> PhotoRef:
    """Return the photo entry of `face`, named by the face's position so that indexing it again gives the same name."""
    height, width = picture.pixels.shape[:2]
    x, y, w, h = face.box.to_pixels(width, height)
    return PhotoRef(
        bucket=COLLECTION_BUCKET, name=f"{collection}/{image_id}_{x + w / 2:.0f}_{y + h / 2:.0f}", generation=1
    )


def _analysis(picture: Picture, face: Face, sharpness: Sharpness) -> PhotoAnalysis:
    height, width = picture.pixels.shape[:2]
    return PhotoAnalysis(
        image=ImageInfo(width=width, height=height, format=picture.format),
        faces=(face,),
        bibs=(),
        text=(),
        sharpness=sharpness,
        models={},
        timings_ms={},
    )


def _same_face(face: Face, stored: Sequence[CollectionFace]) -> CollectionFace | None:
    best = max(stored, key=lambda one: _overlap(face.box, one.box), default=None)
    return best if best is not None and _overlap(face.box, best.box) >= _SAME_FACE_OVERLAP else None


def _overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(one.x + one.w, other.x + other.w) - max(one.x, other.x)
    height = min(one.y + one.h, other.y + other.h) - max(one.y, other.y)
    shared = max(0.0, width) * max(0.0, height)
    return shared / (one.w * one.h + other.w * other.h - shared)


OPERATIONS = {
    "IndexFaces": Operation(index_faces, Scope.WRITE, PICTURE_COST),
    "ListFaces": Operation(list_faces, Scope.SEARCH),
    "DeleteFaces": Operation(delete_faces, Scope.WRITE),
}

"""Faces of a collection: indexing, listing, deleting.

Each face that comes through the protocol is the only face of a photo of its own, which stands for it in the index:
so faces of one picture are added and deleted one by one, and keep their ids whatever becomes of the others.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from typing import Any

from photofinish.analysis.imaging.sharpness import frame_sharpness
from photofinish.domain.access import Scope
from photofinish.domain.analysis import ImageInfo, PhotoAnalysis
from photofinish.domain.face import Face, face_id
from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef
from photofinish.domain.sharpness import Sharpness, is_blurry
from photofinish.ports import COLLECTION_BUCKET, CollectionFace
from photofinish_functions.rekognition.answers import collection_face, face_detail, face_model_version
from photofinish_functions.rekognition.calls import PICTURE_COST, Answer, Call, Operation, faces_in
from photofinish_functions.rekognition.errors import unknown_user
from photofinish_functions.rekognition.images import Picture
from photofinish_functions.rekognition.quality import MAX_FACES
from photofinish_functions.rekognition.services import Services

DEFAULT_PAGE = 1000
# Part of every face's id, so it never changes.
_PIPELINE_VERSION = "rekognition-1"
# A face found where one is indexed already is that one, though another detector may box it a little differently.
_SAME_FACE_OVERLAP = 0.5


def index_faces(services: Services, call: Call) -> Answer:
    collection = call.existing_collection(services)
    faces, picture = faces_in(services, call)
    quality_filter = call.request.get("QualityFilter", "AUTO")
    reasons = [services.quality.reasons_against(face, quality_filter) for face in faces]
    passing = [face for face, against in zip(faces, reasons, strict=True) if not against]
    left_out = [(face, against) for face, against in zip(faces, reasons, strict=True) if against]
    max_faces = min(MAX_FACES, call.request.get("MaxFaces", MAX_FACES))
    left_out += [(face, ["EXCEEDS_MAX_FACES"]) for face in passing[max_faces:]]
    records = _index(services, collection, picture, passing[:max_faces], call.request.get("ExternalImageId"))
    return Answer(
        {
            "FaceRecords": records,
            "UnindexedFaces": [{"Reasons": why, "FaceDetail": face_detail(face)} for face, why in left_out],
            "FaceModelVersion": face_model_version(services.embedding_space),
        },
        count=len(records),
    )


def list_faces(services: Services, call: Call) -> Answer:
    collection = call.existing_collection(services)
    limit = call.request.get("MaxResults") or DEFAULT_PAGE
    after = None
    if "NextToken" in call.request:
        after = services.tokens.open(call.request["NextToken"], operation=call.operation, collection=collection)
    page = services.collections.faces(collection, limit=limit + 1, after=after, face_ids=_asked_for(services, call))
    shown = page[:limit]
    body: dict[str, Any] = {
        "Faces": described(services, collection, shown),
        "FaceModelVersion": face_model_version(services.embedding_space),
    }
    if len(page) > limit:
        body["NextToken"] = services.tokens.seal(shown[-1].face_id, operation=call.operation, collection=collection)
    return Answer(body, count=len(shown))


def delete_faces(services: Services, call: Call) -> Answer:
    collection = call.existing_collection(services)
    face_ids = list(dict.fromkeys(call.request["FaceIds"]))
    user_of = services.users.users_of_faces(collection, face_ids)
    deleted = set(services.collections.delete_faces(collection, [one for one in face_ids if one not in user_of]))
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


def described(services: Services, collection: str, faces: Sequence[CollectionFace]) -> list[dict[str, Any]]:
    """The faces in the shape `Face`, each with the user it belongs to."""
    user_of = services.users.users_of_faces(collection, [face.face_id for face in faces]) if faces else {}
    return [collection_face(face, user_of.get(face.face_id)) for face in faces]


def _asked_for(services: Services, call: Call) -> list[str] | None:
    """Ids of the faces that a list is limited to; None for all."""
    face_ids: list[str] | None = call.request.get("FaceIds")
    if "UserId" not in call.request:
        return face_ids
    collection, user = call.request["CollectionId"], call.request["UserId"]
    if services.users.get_user(collection, user) is None:
        raise unknown_user(user)
    of_user = services.users.user_faces(collection, user)
    return of_user if face_ids is None else [one for one in of_user if one in set(face_ids)]


def _index(
    services: Services, collection: str, picture: Picture, faces: Sequence[Face], external_image_id: str | None
) -> list[dict[str, Any]]:
    """Index what of `faces` is not indexed yet; `FaceRecords` of all of them, in order."""
    image_id = _image_id(picture, external_image_id)
    stored = services.collections.faces_of_picture(collection, image_id)
    photos = []
    to_index: list[tuple[PhotoRef, Face]] = []
    for face in faces:
        known = _same_face(face, stored)
        photo = _photo_of(face, collection, image_id, picture) if known is None else known.photo
        photos.append(photo)
        # A face of another model's embedding space could not be found any more, so it is indexed again.
        if known is None or known.embedding_space != face.embedding.space:
            to_index.append((photo, face))
    face_ids = [face_id(photo, _PIPELINE_VERSION, 0) for photo in photos]
    if to_index:
        # Named before they are there: nobody sees a face without the name of its picture.
        services.collections.name_picture(
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
            services.index.replace(photo, _PIPELINE_VERSION, _analysis(picture, face, sharpness))
    indexed = services.collections.faces(collection, limit=MAX_FACES, face_ids=face_ids)
    shown = {face["FaceId"]: face for face in described(services, collection, indexed)}
    # One that another request deleted meanwhile is not there any more.
    return [
        {"Face": shown[one], "FaceDetail": face_detail(face)}
        for one, face in zip(face_ids, faces, strict=True)
        if one in shown
    ]


def _image_id(picture: Picture, external_image_id: str | None) -> str:
    digest = hashlib.sha256(f"{picture.sha256}\0{external_image_id or ''}".encode()).hexdigest()
    return str(uuid.UUID(digest[:32]))


def _photo_of(face: Face, collection: str, image_id: str, picture: Picture) -> PhotoRef:
    """The photo that stands for `face`: named by where it is, so that whoever indexes it again names it alike."""
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

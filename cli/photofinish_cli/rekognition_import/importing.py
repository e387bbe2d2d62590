"""The import itself: which faces there are, which of them are found again, and what they are called now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from photofinish.domain.geometry import Box
from photofinish.errors import NotFound, RejectedInput
from photofinish_cli.rekognition_import.aws import translated_errors
from photofinish_cli.rekognition_import.mapping import MappedFace, Outcome
from photofinish_cli.rekognition_import.mapping import Mapping as FaceMapping
from photofinish_cli.rekognition_import.pictures import PictureFinder, Pictures, sendable

if TYPE_CHECKING:
    from types_boto3_rekognition import RekognitionClient

OURS = "the deployment"
THEIRS = "your Amazon Rekognition"
# Detectors draw boxes differently: some around the face, some around the head.
MIN_OVERLAP = 0.3
_FACES_OF_A_REQUEST = 100


@dataclass(frozen=True, slots=True)
class OldFace:
    """A face of the collection that is imported."""

    face_id: str
    image_id: str
    box: Box
    user_id: str | None


@dataclass(slots=True)
class OldPicture:
    """The faces that were indexed under one ExternalImageId."""

    external_image_id: str
    faces: list[OldFace] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class OldCollection:
    """Everything that Amazon Rekognition reports about a collection."""

    pictures: Sequence[OldPicture]
    nameless: Sequence[OldFace]
    """Faces without an ExternalImageId."""
    users: Sequence[str]

    @property
    def face_ids(self) -> list[str]:
        named = [face.face_id for picture in self.pictures for face in picture.faces]
        return named + [face.face_id for face in self.nameless]


@dataclass(frozen=True, slots=True)
class Located:
    """Which pictures of a collection were found, and why others were not."""

    found: Sequence[tuple[OldPicture, str]]
    """Each with the name under which its picture was found."""
    missing: Sequence[MappedFace]


def read_collection(source: RekognitionClient, collection: str) -> OldCollection:
    """List the faces and users of a collection.

    Raises:
        NotFound, Misconfigured, Unavailable, RejectedInput: the service refused or failed; the message says why.
    """
    pictures: dict[str, OldPicture] = {}
    nameless: list[OldFace] = []
    with translated_errors(THEIRS):
        for page in source.get_paginator("list_faces").paginate(CollectionId=collection):
            for listed in page["Faces"]:
                face = OldFace(listed["FaceId"], listed["ImageId"], _box(listed["BoundingBox"]), listed.get("UserId"))
                name = listed.get("ExternalImageId")
                if name is None:
                    nameless.append(face)
                else:
                    pictures.setdefault(name, OldPicture(name)).faces.append(face)
        users = [
            user["UserId"]
            for users_page in source.get_paginator("list_users").paginate(CollectionId=collection)
            for user in users_page["Users"]
        ]
    return OldCollection(list(pictures.values()), nameless, users)


def locate(old: OldCollection, finder: PictureFinder) -> Located:
    """Find the picture of every face."""
    found, missing = [], []
    for picture in old.pictures:
        try:
            found.append((picture, finder.find(picture.external_image_id)))
        except NotFound as error:
            missing += _all_of(picture, Outcome.NO_PICTURE, detail=str(error))
        except RejectedInput as error:
            missing += _all_of(picture, Outcome.SEVERAL_PICTURES, detail=str(error))
    missing += [
        MappedFace(old_face_id=face.face_id, outcome=Outcome.NO_EXTERNAL_IMAGE_ID, detail="indexed without one")
        for face in old.nameless
    ]
    return Located(found, missing)


def index_pictures(
    target: RekognitionClient,
    album: str,
    located: Sequence[tuple[OldPicture, str]],
    pictures: Pictures,
    mapping: FaceMapping,
    *,
    parallel: int,
    on_done: Callable[[], None],
) -> None:
    """Index every picture that has faces not matched yet, and record the outcome of each face in `mapping`.

    Raises:
        Misconfigured, Unavailable, RejectedInput: the deployment refused a request; what was done is in `mapping`.
    """
    _make_collection(target, album)

    def one(picture: OldPicture, name: str) -> None:
        if all(mapping.is_matched(face.face_id) for face in picture.faces):
            return
        try:
            content = sendable(pictures.read(name))
        except (RejectedInput, OSError) as error:
            mapping.add(_all_of(picture, Outcome.UNREADABLE_PICTURE, picture_name=name, detail=str(error)))
            return
        mapping.add(_index(target, album, picture, name, content))

    with ThreadPoolExecutor(parallel, "index") as pool:
        futures = [pool.submit(one, picture, name) for picture, name in located]
        try:
            for future in as_completed(futures):
                future.result()
                on_done()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def restore_users(
    target: RekognitionClient, album: str, old: OldCollection, mapped: Sequence[MappedFace]
) -> dict[str, int]:
    """Create the old collection's users, each with the faces that were found again; user id → number of those faces."""
    new_id = {face.old_face_id: face.new_face_id for face in mapped if face.outcome is Outcome.MATCHED}
    faces_of: dict[str, list[str]] = defaultdict(list)
    for face in [face for picture in old.pictures for face in picture.faces]:
        if face.user_id is not None and face.face_id in new_id:
            faces_of[face.user_id].append(new_id[face.face_id])
    with translated_errors(OURS):
        for user in old.users:
            # If an earlier import was interrupted, the user exists already.
            with suppress(target.exceptions.ConflictException):
                target.create_user(CollectionId=album, UserId=user)
            faces = list(dict.fromkeys(faces_of[user]))[:_FACES_OF_A_REQUEST]
            if faces:
                # The old collection decided whose these faces are, so no similarity is required.
                target.associate_faces(CollectionId=album, UserId=user, FaceIds=faces, UserMatchThreshold=0)
    return {user: len(faces_of[user]) for user in old.users}


def match_boxes(old: Sequence[OldFace], new: Mapping[str, Box]) -> dict[str, tuple[str, float]]:
    """Old face id → new face id and overlap (intersection over union, at least 0.3); best overlaps first.

    Two old faces with the same image id never match the same new face. A picture may have been indexed several times,
    each time with another image id; old faces of different image ids may match the same new face.
    """
    found: dict[str, tuple[str, float]] = {}
    taken: set[tuple[str, str]] = set()
    pairs = [(overlap(face.box, box), face, new_id) for face in old for new_id, box in new.items()]
    for shared, face, new_id in sorted(pairs, key=lambda pair: (-pair[0], pair[1].face_id, pair[2])):
        if shared >= MIN_OVERLAP and face.face_id not in found and (face.image_id, new_id) not in taken:
            found[face.face_id] = (new_id, shared)
            taken.add((face.image_id, new_id))
    return found


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(one.x + one.w, other.x + other.w) - max(one.x, other.x)
    height = min(one.y + one.h, other.y + other.h) - max(one.y, other.y)
    shared = max(0.0, width) * max(0.0, height)
    return shared / (one.w * one.h + other.w * other.h - shared)


def _make_collection(target: RekognitionClient, album: str) -> None:
    with translated_errors(OURS), suppress(target.exceptions.ResourceAlreadyExistsException):
        target.create_collection(CollectionId=album)


def _index(target: RekognitionClient, album: str, picture: OldPicture, name: str, content: bytes) -> list[MappedFace]:
    """Index one picture, delete the new faces that the old collection did not have, and return all outcomes."""
    with translated_errors(OURS):
        try:
            answer = target.index_faces(
                CollectionId=album,
                Image={"Bytes": content},
                ExternalImageId=picture.external_image_id,
                QualityFilter="NONE",
                MaxFaces=_FACES_OF_A_REQUEST,
            )
        except (
            target.exceptions.InvalidImageFormatException,
            target.exceptions.ImageTooLargeException,
            target.exceptions.InvalidParameterException,
        ) as error:
            return _all_of(
                picture, Outcome.UNREADABLE_PICTURE, picture_name=name, detail=error.response["Error"]["Message"]
            )
        boxes = {record["Face"]["FaceId"]: _box(record["Face"]["BoundingBox"]) for record in answer["FaceRecords"]}
        matches = match_boxes(picture.faces, boxes)
        # Faces that were not in the old collection, or were deleted from it, must not enter through the import.
        extra = sorted(boxes.keys() - {new_id for new_id, _ in matches.values()})
        if extra:
            target.delete_faces(CollectionId=album, FaceIds=extra)
    return [_mapped(face, picture, name, matches.get(face.face_id)) for face in picture.faces]


def _mapped(face: OldFace, picture: OldPicture, name: str, match: tuple[str, float] | None) -> MappedFace:
    return MappedFace(
        old_face_id=face.face_id,
        new_face_id=match[0] if match else "",
        outcome=Outcome.MATCHED if match else Outcome.FACE_NOT_FOUND,
        external_image_id=picture.external_image_id,
        picture=name,
        overlap=f"{match[1]:.2f}" if match else "",
        detail="" if match else "no face was found where this one was",
    )


def _all_of(picture: OldPicture, outcome: Outcome, *, picture_name: str = "", detail: str) -> list[MappedFace]:
    return [
        MappedFace(
            old_face_id=face.face_id,
            outcome=outcome,
            external_image_id=picture.external_image_id,
            picture=picture_name,
            detail=detail,
        )
        for face in picture.faces
    ]


def _box(box: Any) -> Box:
    return Box(box["Left"], box["Top"], box["Width"], box["Height"])

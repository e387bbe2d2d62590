"""Which faces of a photo a caller sees: the one decision behind every preview and link."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from photofinish.domain.album_policy import Redact
from photofinish.domain.geometry import Box

MAX_OVERLAP = 0.3
"""Greatest intersection over union of two areas that show different faces, as of detections."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Who looks at a photo."""

    is_organiser: bool
    """Whether they may change the album (scope `write`): organisers have the originals, so nothing is hidden."""
    own_faces: frozenset[str] = frozenset()
    """Ids of faces that their own selfie matched."""


def sees_everything(redact: Redact, viewer: Viewer) -> bool:
    """Whether no photo of the album is redacted for this viewer."""
    return redact is Redact.NONE or viewer.is_organiser


def visible_faces(
    redact: Redact, viewer: Viewer, faces: Collection[str], *, with_consent: Collection[str]
) -> frozenset[str]:
    """Return the ids of `faces` that are not redacted.

    `with_consent` are the faces of people with a valid consent record. A face without a person, such as one that was
    not indexed because its person opted out, has none.
    """
    if sees_everything(redact, viewer):
        return frozenset(faces)
    seen = viewer.own_faces
    if redact is Redact.WITHOUT_CONSENT:
        seen |= frozenset(with_consent)
    return seen & frozenset(faces)


def redacted_areas(areas: Iterable[Box], faces: Mapping[str, Box], visible: Collection[str]) -> tuple[Box, ...]:
    """Return what to redact: the boxes of faces that are not visible, and all `areas` that show no visible face.

    `areas` are where the analysis saw a face or something like it; they may repeat the boxes of `faces`. An area that
    no longer has a face, because that face was erased, is redacted.
    """
    hidden = [box for face, box in faces.items() if face not in visible]
    shown = [box for face, box in faces.items() if face in visible]
    doubtful = [area for area in areas if not any(is_same_face(area, box) for box in shown)]
    return tuple(dict.fromkeys([*hidden, *doubtful]))


def faces_in_picture(fields: Mapping[str, Any]) -> tuple[dict[str, Box], list[Box]]:
    """Return where a document says that faces are in the photo's picture, by id, and all areas that may show one.

    The picture of a video is its poster: it shows only the faces of one moment.
    """
    found = fields.get("faces") or ()
    faces = {face["face_id"]: box for face in found if (box := face.get("poster_box", face["box"])) is not None}
    areas = [*(fields.get("face_areas") or ()), *(face["box"] for face in fields.get("withheld_faces") or ())]
    return {one: box_of(box) for one, box in faces.items()}, [box_of(box) for box in areas if "at_s" not in box]


def is_same_face(one: Box, other: Box) -> bool:
    """Whether two boxes overlap so much that they are taken to show one face."""
    if not one.is_at_moment_of(other):
        return False
    width = min(one.x + one.w, other.x + other.w) - max(one.x, other.x)
    height = min(one.y + one.h, other.y + other.h) - max(one.y, other.y)
    if width <= 0 or height <= 0:
        return False
    shared = width * height
    return shared > MAX_OVERLAP * (one.w * one.h + other.w * other.h - shared)


def box_of(edges: Mapping[str, float]) -> Box:
    """Return a box from a document, where it is `{x, y, w, h}`."""
    return Box(edges["x"], edges["y"], edges["w"], edges["h"], edges.get("at_s"))

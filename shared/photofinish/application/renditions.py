"""The picture of a photo that a viewer may see: its preview, with the faces redacted that the album's policy hides.

It is made when it is fetched, from the policy and the consent of that moment, so a change of either applies to links
that were given before it, too.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cachetools import LRUCache

from photofinish.analysis.imaging.redaction import redacted_jpeg
from photofinish.application.previews import read_preview
from photofinish.domain.album_policy import AlbumPolicy, Redact, RedactionStyle
from photofinish.domain.geometry import Box
from photofinish.domain.redaction import Viewer, box_of, redacted_areas, sees_everything, visible_faces
from photofinish.errors import NotFound
from photofinish.ports import AlbumPolicies, Consents, DerivedObjects, Documents, FaceIndex

# Made again only if other pictures took its place: a link that is fetched over and over costs no processor time.
_KEPT_BYTES = 32 * 2**20
_CONTEXT = b"photofinish/redaction-noise"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """What a viewer sees of a photo: which stored preview, and what is redacted in it."""

    preview: str
    """Name of the object in the derived bucket."""
    redacted: tuple[Box, ...]
    style: RedactionStyle
    noise_key: bytes = field(repr=False)

    @property
    def etag(self) -> str:
        """Names the picture's content; nothing can be learned from it."""
        text = repr((self.preview, self.style.value, [(box.x, box.y, box.w, box.h) for box in self.redacted]))
        return hmac.digest(self.noise_key, text.encode(), hashlib.sha256).hex()[:32]


class Renditions:
    """Makes pictures of photos as viewers may see them. Threads may share it."""

    def __init__(
        self,
        *,
        documents: Documents,
        policies: AlbumPolicies,
        consents: Consents,
        index: FaceIndex,
        derived: DerivedObjects,
        min_similarity: float,
        secret: bytes,
    ) -> None:
        """A face is a consenting person's from `min_similarity` on; the noise of redacted faces depends on `secret`."""
        self._documents = documents
        self._policies = policies
        self._consents = consents
        self._index = index
        self._derived = derived
        self._min_similarity = min_similarity
        self._secret = hmac.digest(secret, _CONTEXT, hashlib.sha256)
        self._lock = threading.Lock()
        self._kept: LRUCache[str, bytes] = LRUCache(_KEPT_BYTES, getsizeof=len)

    def rendition(self, album: str, photo_id: str, viewer: Viewer) -> Rendition:
        """Decide now what the viewer sees of a photo.

        Raises:
            NotFound: the album has no such photo, or it has no preview.
        """
        record = self._documents.get(album, photo_id)
        preview = ((record.fields.get("renditions") or {}) if record else {}).get("preview")
        if record is None or preview is None:
            raise NotFound("there is no preview of this photo")
        policy = self._policies.policy(album)
        return Rendition(
            preview=preview,
            redacted=()
            if sees_everything(policy.redact, viewer)
            else self._redacted(policy, album, record.fields, viewer),
            style=policy.redaction_style,
            noise_key=hmac.digest(self._secret, preview.encode(), hashlib.sha256),
        )

    def jpeg(self, rendition: Rendition) -> bytes:
        """Return the picture.

        Raises:
            NotFound: its preview was deleted.
        """
        with self._lock:
            kept = self._kept.get(rendition.etag)
        if kept is not None:
            return kept
        made = read_preview(self._derived, rendition.preview)
        if rendition.redacted:
            made = redacted_jpeg(made, rendition.redacted, rendition.style, noise_key=rendition.noise_key)
        with self._lock:
            if len(made) <= self._kept.maxsize:
                self._kept[rendition.etag] = made
        return made

    def _redacted(self, policy: AlbumPolicy, album: str, fields: Mapping[str, Any], viewer: Viewer) -> tuple[Box, ...]:
        faces = {face["face_id"]: box_of(face["box"]) for face in fields.get("faces") or ()}
        areas = [box_of(area) for area in fields.get("face_areas") or ()]
        areas += [box_of(face["box"]) for face in fields.get("withheld_faces") or ()]
        consenting = self._with_consent(policy, album, list(faces))
        visible = visible_faces(policy.redact, viewer, faces, with_consent=consenting)
        return redacted_areas(areas, faces, visible)

    def _with_consent(self, policy: AlbumPolicy, album: str, face_ids: Sequence[str]) -> Collection[str]:
        """The faces of people who consent to the album's purpose now."""
        if policy.redact is not Redact.WITHOUT_CONSENT or not policy.purpose or not face_ids:
            return ()
        known = self._index.embeddings(album, face_ids)
        people = self._consents.consenting(
            album, policy.purpose, list(known.values()), min_similarity=self._min_similarity
        )
        return [face for face, person in zip(known, people, strict=True) if person is not None]

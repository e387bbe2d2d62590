"""The picture of a photo that a viewer may see: redacted as the album's policy says, with the album's watermark.

It is made when it is fetched, from the policy, the consent and the watermark of that moment, so a change of any applies
to links that were given before it, too. A redacted thumbnail is the redacted preview scaled down: it tells no more.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cachetools import LRUCache

from photofinish.analysis.imaging.redaction import redact
from photofinish.analysis.imaging.rendition import preview_jpeg, preview_pixels, thumbnail_picture, thumbnail_webp
from photofinish.analysis.imaging.watermark import draw_watermark
from photofinish.application.previews import read_rendition
from photofinish.domain.album_policy import AlbumPolicy, Redact, RedactionStyle
from photofinish.domain.geometry import Box
from photofinish.domain.redaction import Viewer, faces_in_picture, redacted_areas, sees_everything, visible_faces
from photofinish.domain.rendition import RenditionSize, drawn_watermark
from photofinish.errors import NotFound
from photofinish.ports import AlbumPolicies, Consents, DerivedObjects, Documents, FaceIndex

# Made again only if other pictures took its place: a link that is fetched over and over costs no processor time.
_KEPT_BYTES = 32 * 2**20
_CONTEXT = b"photofinish/redaction-noise"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """What a viewer sees of a photo: which stored picture, and what is changed in it."""

    photo_name: str
    """Name of the original's object."""
    size: RenditionSize
    preview: str
    """Name of the preview in the derived bucket."""
    thumbnail: str | None
    """Name of the thumbnail there; None for a photo that was analysed before there were any."""
    redacted: tuple[Box, ...]
    style: RedactionStyle
    watermark: str | None
    noise_key: bytes = field(repr=False)

    @property
    def content_type(self) -> str:
        return "image/jpeg" if self.size is RenditionSize.PREVIEW else "image/webp"

    @property
    def is_as_stored(self) -> bool:
        """Whether nothing is changed in the stored picture."""
        return not self.redacted and self.watermark is None

    @property
    def etag(self) -> str:
        """Names the picture's content; nothing can be learned from it."""
        boxes = [(box.x, box.y, box.w, box.h) for box in self.redacted]
        text = repr((self.size.value, self.preview, self.style.value, boxes, self.watermark))
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
        watermark_of: Callable[[str], str | None],
        min_similarity: float,
        secret: bytes,
    ) -> None:
        """A face is a consenting person's from `min_similarity` on; the noise of redacted faces depends on `secret`.

        `watermark_of(album)` is the text to draw on the album's pictures, or None.
        """
        self._documents = documents
        self._policies = policies
        self._consents = consents
        self._index = index
        self._derived = derived
        self._watermark_of = watermark_of
        self._min_similarity = min_similarity
        self._secret = hmac.digest(secret, _CONTEXT, hashlib.sha256)
        self._lock = threading.Lock()
        self._kept: LRUCache[str, bytes] = LRUCache(_KEPT_BYTES, getsizeof=len)

    def rendition(
        self, album: str, photo_id: str, viewer: Viewer, size: RenditionSize = RenditionSize.PREVIEW
    ) -> Rendition:
        """Decide now what the viewer sees of a photo.

        Raises:
            NotFound: the album has no such photo, or it has no preview.
        """
        record = self._documents.get(album, photo_id)
        names = (record.fields.get("renditions") or {}) if record else {}
        preview = names.get("preview")
        if record is None or preview is None:
            raise NotFound("there is no preview of this photo")
        policy = self._policies.policy(album)
        return Rendition(
            photo_name=record.ref.name,
            size=size,
            preview=preview,
            thumbnail=names.get("thumbnail"),
            redacted=()
            if sees_everything(policy.redact, viewer)
            else self._redacted(policy, album, record.fields, viewer),
            style=policy.redaction_style,
            watermark=drawn_watermark(self._watermark_of(album), viewer),
            noise_key=hmac.digest(self._secret, preview.encode(), hashlib.sha256),
        )

    def picture(self, rendition: Rendition) -> bytes:
        """Return the encoded picture, of `rendition.content_type`.

        Raises:
            NotFound: its preview was deleted.
        """
        with self._lock:
            kept = self._kept.get(rendition.etag)
        if kept is not None:
            return kept
        made = self._stored(rendition) or self._made(rendition)
        with self._lock:
            if len(made) <= self._kept.maxsize:
                self._kept[rendition.etag] = made
        return made

    def _stored(self, rendition: Rendition) -> bytes | None:
        """The picture from the bucket; None if it must be made."""
        if not rendition.is_as_stored:
            return None
        if rendition.size is RenditionSize.PREVIEW:
            return read_rendition(self._derived, rendition.preview)
        if rendition.thumbnail is None:
            return None
        try:
            return read_rendition(self._derived, rendition.thumbnail)
        except NotFound:
            return None  # the preview is there: a thumbnail can be made again

    def _made(self, rendition: Rendition) -> bytes:
        pixels = preview_pixels(read_rendition(self._derived, rendition.preview))
        redact(pixels, rendition.redacted, rendition.style, noise_key=rendition.noise_key)
        if rendition.watermark is not None:
            draw_watermark(pixels, rendition.watermark)
        if rendition.size is RenditionSize.PREVIEW:
            return preview_jpeg(pixels)
        return thumbnail_webp(thumbnail_picture(pixels))

    def _redacted(self, policy: AlbumPolicy, album: str, fields: Mapping[str, Any], viewer: Viewer) -> tuple[Box, ...]:
        faces, areas = faces_in_picture(fields)
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

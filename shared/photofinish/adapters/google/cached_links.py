"""Cache signed links for some minutes: signing twenty takes longer than the search they belong to.

A link that does not change for a while also lets phones and browsers cache the picture.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from cachetools import TLRUCache

from photofinish.domain.photo import PhotoRef
from photofinish.domain.upload_batch import AnnouncedFile
from photofinish.ports import BucketKind, PhotoLinks, SignedUpload

KEEP_S = 300
MAX_KEPT = 20_000  # about 20 MB


class CachedPhotoLinks:
    """Caches the rendition links of `links`, signed to be valid `KEEP_S` longer than requested."""

    def __init__(
        self, links: PhotoLinks, *, max_kept: int = MAX_KEPT, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._links = links
        self._now_s = now_s
        self._lock = threading.Lock()
        # By name and lifetime: until when the link may be returned, counted from before it was signed; and the link.
        self._kept: TLRUCache[tuple[str, int], tuple[float, str], float] = TLRUCache(
            max_kept, ttu=lambda _, kept, _now_s: kept[0], timer=now_s
        )

    def rendition_urls(self, names: Sequence[str], *, expires_in_s: int) -> list[str]:
        until_s = self._now_s() + KEEP_S
        with self._lock:
            known = {name: kept[1] for name in names if (kept := self._kept.get((name, expires_in_s)))}
        missing = [name for name in dict.fromkeys(names) if name not in known]
        if missing:
            urls = self._links.rendition_urls(missing, expires_in_s=expires_in_s + KEEP_S)
            signed = dict(zip(missing, urls, strict=True))
            known |= signed
            with self._lock:
                self._kept.update({(name, expires_in_s): (until_s, url) for name, url in signed.items()})
        return [known[name] for name in names]

    def rendition_file_url(self, name: str, *, file_name: str, expires_in_s: int) -> str:
        return self._links.rendition_file_url(name, file_name=file_name, expires_in_s=expires_in_s)

    def original_url(self, photo: PhotoRef, *, file_name: str, expires_in_s: int) -> str:
        return self._links.original_url(photo, file_name=file_name, expires_in_s=expires_in_s)

    def upload_url(
        self, bucket_kind: BucketKind, name: str, content_type: str, *, max_bytes: int, expires_in_s: int
    ) -> SignedUpload:
        return self._links.upload_url(bucket_kind, name, content_type, max_bytes=max_bytes, expires_in_s=expires_in_s)

    def resumable_uploads(self, files: Sequence[AnnouncedFile], *, expires_in_s: int) -> list[SignedUpload]:
        return self._links.resumable_uploads(files, expires_in_s=expires_in_s)

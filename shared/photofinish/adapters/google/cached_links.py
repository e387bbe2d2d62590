"""Links that are signed once for some minutes: signing twenty of them takes longer than the search they belong to.

A link that stays the same for a while also lets phones and browsers keep the picture.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

from photofinish.ports import BucketKind, PhotoLinks, SignedUpload

KEEP_S = 300
MAX_KEPT = 20_000  # about 20 MB


class KeptPhotoLinks:
    """:class:`photofinish.ports.PhotoLinks` over another, which signs rendition links for `KEEP_S` seconds more."""

    def __init__(
        self, links: PhotoLinks, *, max_kept: int = MAX_KEPT, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._links = links
        self._max_kept = max_kept
        self._now_s = now_s
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, int], tuple[float, str]] = OrderedDict()
        """By name and life: until when the link may be given out, and the link; the oldest first."""

    def rendition_url(self, name: str, *, expires_in_s: int) -> str:
        [url] = self.rendition_urls([name], expires_in_s=expires_in_s)
        return url

    def rendition_urls(self, names: Sequence[str], *, expires_in_s: int) -> list[str]:
        now_s = self._now_s()
        with self._lock:
            known = {
                name: kept[1] for name in names if (kept := self._kept.get((name, expires_in_s))) and kept[0] > now_s
            }
        missing = [name for name in dict.fromkeys(names) if name not in known]
        if missing:
            signed = dict(
                zip(missing, self._links.rendition_urls(missing, expires_in_s=expires_in_s + KEEP_S), strict=True)
            )
            known |= signed
            with self._lock:
                for name, url in signed.items():
                    self._kept[name, expires_in_s] = now_s + KEEP_S, url
                    self._kept.move_to_end((name, expires_in_s))
                while len(self._kept) > self._max_kept:
                    self._kept.popitem(last=False)
        return [known[name] for name in names]

    def upload_url(
        self, bucket_kind: BucketKind, name: str, content_type: str, *, max_bytes: int, expires_in_s: int
    ) -> SignedUpload:
        return self._links.upload_url(bucket_kind, name, content_type, max_bytes=max_bytes, expires_in_s=expires_in_s)

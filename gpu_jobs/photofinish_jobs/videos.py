"""Videos of the bucket: which objects are videos, and their analysis by ranges, never wholly in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from photofinish.analysis.analyzer import AnalyzedPhoto
from photofinish.analysis.video.containers import HEAD_BYTES, recognise_video
from photofinish.analysis.video.limits import NOT_SEEKABLE
from photofinish.analysis.video.ranges import Fetch
from photofinish.domain.bib_rules import BibRules
from photofinish.domain.photo import PhotoRef
from photofinish.domain.video import Span
from photofinish.domain.video_names import may_be_video
from photofinish.domain.video_parts import parts_of
from photofinish.domain.work import MAX_PHOTO_BYTES
from photofinish.errors import PhotoGone, RejectedInput
from photofinish.ports import Documents, PhotoStore, VideoParts


class AnalyzesVideos(Protocol):
    """What the pipeline needs of :class:`photofinish.analysis.video.video_analyzer.VideoAnalyzer`."""

    def version(self, bib_rules: BibRules) -> str: ...
    def duration_s(self, fetch: Fetch, size_bytes: int) -> float | None: ...

    def analyze_as_photo(
        self, fetch: Fetch, size_bytes: int, bib_rules: BibRules, *, on_progress: Callable[[float], object]
    ) -> AnalyzedPhoto: ...

    def analyze_part(
        self, fetch: Fetch, size_bytes: int, bib_rules: BibRules, span: Span, *, on_progress: Callable[[float], object]
    ) -> bytes: ...

    def join(self, parts: Sequence[bytes], bib_rules: BibRules) -> AnalyzedPhoto: ...


class PutOff(Exception):
    """A task's time is nearly over: another one goes on with the parts of a video that are left."""


class BucketFiles:
    """Reads the originals of photos, and tells videos from them by their content. Threads may share it."""

    def __init__(self, store: PhotoStore) -> None:
        self._store = store

    def photo(self, photo: PhotoRef) -> bytes | None:
        """Return the content of a photo; None for a video.

        A name only decides whether the beginning is read first: most photos are read at once, videos never are.

        Raises:
            PhotoGone: this generation does not exist any more.
            RejectedInput: `file_too_large`.
        """
        if may_be_video(photo.name) and self._is_video(photo):
            return None
        try:
            content = self._store.read(photo, max_bytes=MAX_PHOTO_BYTES)
        except RejectedInput:
            if self._is_video(photo):
                return None
            raise
        return None if recognise_video(content[:HEAD_BYTES]) else content

    def ranges(self, photo: PhotoRef) -> Fetch:
        """Return what reads ranges of exactly this generation."""
        return lambda offset, size_bytes: self._store.read_part(photo, start=offset, stop=offset + size_bytes)

    def size_bytes(self, photo: PhotoRef) -> int:
        """Return the size of a file; raises PhotoGone."""
        return self._store.size_bytes(photo)

    def _is_video(self, photo: PhotoRef) -> bool:
        return recognise_video(self._store.read_part(photo, start=0, stop=HEAD_BYTES)) is not None


class LongVideos:
    """Analyses videos, long ones part by part. A part whose result is kept is not analysed again by any task."""

    def __init__(
        self, files: BucketFiles, parts: VideoParts, documents: Documents, should_stop: Callable[[], bool]
    ) -> None:
        """No part is begun when `should_stop()`."""
        self._files = files
        self._parts = parts
        self._documents = documents
        self._should_stop = should_stop

    def analyze(
        self, analyzer: AnalyzesVideos, video: PhotoRef, rules: BibRules, *, on_progress: Callable[[float], object]
    ) -> AnalyzedPhoto:
        """Analyse a video of the bucket.

        Raises:
            PutOff: parts are left.
            PhotoGone: this generation does not exist any more.
            RejectedInput, Unavailable: see `AnalyzesVideos`.
        """
        fetch, size_bytes = self._files.ranges(video), self._files.size_bytes(video)
        spans = parts_of(analyzer.duration_s(fetch, size_bytes))
        version = analyzer.version(rules)
        if len(spans) > 1:
            try:
                done = set(self._parts.known(video, version))
                for number, span in enumerate(spans):
                    if number in done:
                        continue
                    if self._should_stop():
                        raise PutOff
                    found = analyzer.analyze_part(fetch, size_bytes, rules, span, on_progress=on_progress)
                    self._parts.put(video, version, number, found)
                    done.add(number)
                    self._documents.note_progress(video, parts_done=len(done), parts=len(spans))
            except RejectedInput as rejection:
                if rejection.code != NOT_SEEKABLE:
                    raise
            else:
                found_in = [self._parts.get(video, version, number) for number in range(len(spans))]
                if all(part is not None for part in found_in):
                    return analyzer.join([part for part in found_in if part is not None], rules)
                raise PhotoGone("photo_gone", f"{video.name} was erased while it was analysed.")
        return analyzer.analyze_as_photo(fetch, size_bytes, rules, on_progress=on_progress)

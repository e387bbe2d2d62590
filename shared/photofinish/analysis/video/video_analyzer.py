"""A video in, its scenes, people and numbers out. No queue, no store, no cloud."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from photofinish.analysis.analyzer import AnalyzedPhoto, Analyzer, internal_error
from photofinish.analysis.imaging.decoded import DecodedPhoto
from photofinish.analysis.photo_to_analyze import PhotoToAnalyze
from photofinish.analysis.video.limits import VideoLimits, damaged
from photofinish.analysis.video.ranges import Fetch
from photofinish.analysis.video.read_frames import ReadFrames, decode_frames, encode_frames, joined
from photofinish.analysis.video.scenes import find_scenes
from photofinish.analysis.video.video_process import VideoProcess
from photofinish.analysis.video.video_reader import Look
from photofinish.domain.analysis import ImageInfo
from photofinish.domain.bib_rules import BibRules
from photofinish.domain.matching import Calibration
from photofinish.domain.photo_warning import PhotoWarning, WarningCode
from photofinish.domain.video import Span, VideoInfo
from photofinish.domain.video_analysis import AnalyzedFrame, VideoAnalysis, people_and_numbers
from photofinish.domain.video_as_photo import as_photo
from photofinish.errors import PhotofinishError

log = logging.getLogger(__name__)
# Increased whenever the code may find something else in the same video with the same models.
VIDEO_REVISION = 1
_USUAL_FRAME_S = 1 / 25
# By so much a video is shorter than its file says though nothing is lost: sound goes on, and times are rounded.
_TAIL_S, _TAIL_SHARE = 2.0, 0.02
_ANY_NUMBER = BibRules()
_DEFAULT_LIMITS = VideoLimits()

_Found = list[tuple[AnalyzedFrame, AnalyzedPhoto]]


class VideoAnalyzer:
    """Finds in videos what an :class:`Analyzer` finds in photos, and follows it."""

    def __init__(self, analyzer: Analyzer, calibration: Calibration, *, limits: VideoLimits = _DEFAULT_LIMITS) -> None:
        """`calibration` is that of the analyzer's embedding space."""
        self._analyzer = analyzer
        self._calibration = calibration
        self._limits = limits

    def analyze(self, fetch: Fetch, size_bytes: int, bib_rules: BibRules = _ANY_NUMBER) -> VideoAnalysis:
        """Analyse a video whose file has `size_bytes` and is read by `fetch`; only a few frames are in memory at once.

        Raises:
            RejectedInput: see :meth:`VideoProcess.open`; or `internal_error`, a bug, which is logged.
            Unavailable: no process can be started, the system ended it, or the file changed meanwhile.
        """
        return self._followed(self.read(fetch, size_bytes, bib_rules), bib_rules)

    def version(self, bib_rules: BibRules) -> str:
        """The pipeline version of results by these rules."""
        own = f"video{VIDEO_REVISION}-{self._analyzer.pipeline_version}"
        return "+".join(filter(None, [own, bib_rules.fingerprint]))

    def duration_s(self, fetch: Fetch, size_bytes: int) -> float | None:
        """Read how long a video says that it lasts, None where it does not; raises as :meth:`analyze`."""
        process = VideoProcess(fetch, size_bytes, limits=self._limits)
        try:
            return process.open().duration_s
        finally:
            process.end()

    def analyze_part(
        self, fetch: Fetch, size_bytes: int, bib_rules: BibRules, span: Span, *, on_progress: Callable[[float], object]
    ) -> bytes:
        """Find what is in a part of a video, for :meth:`join`; raises as :meth:`read`."""
        return encode_frames(self.read(fetch, size_bytes, bib_rules, span, on_progress=on_progress))

    def join(self, parts: Sequence[bytes], bib_rules: BibRules) -> AnalyzedPhoto:
        """Follow people and numbers through all parts of a video, given in order; raises as :meth:`as_photo`."""
        return self.as_photo(joined([decode_frames(part) for part in parts]), bib_rules)

    def analyze_as_photo(
        self, fetch: Fetch, size_bytes: int, bib_rules: BibRules, *, on_progress: Callable[[float], object]
    ) -> AnalyzedPhoto:
        """Analyse a whole video, and give the result the form of a photo's; raises as :meth:`analyze`."""
        return self.as_photo(self.read(fetch, size_bytes, bib_rules, on_progress=on_progress), bib_rules)

    def as_photo(self, read: ReadFrames, bib_rules: BibRules) -> AnalyzedPhoto:
        """Give the result of a whole video the form of a photo's, with a poster.

        Raises:
            RejectedInput: `damaged`: it has no frame.
        """
        if read.poster is None:
            raise damaged("no frame of it can be decoded")
        video = self._followed(read, bib_rules)
        return AnalyzedPhoto(
            analysis=as_photo(video, read.poster.poster),
            pipeline_version=video.pipeline_version,
            preview_jpeg=read.poster.preview_jpeg,
            thumbnail_webp=read.poster.thumbnail_webp,
        )

    def read(
        self,
        fetch: Fetch,
        size_bytes: int,
        bib_rules: BibRules,
        span: Span | None = None,
        *,
        on_progress: Callable[[float], object] = lambda _: None,
    ) -> ReadFrames:
        """Find what is in the frames of a video, or of a span of it; raises as :meth:`analyze`.

        `on_progress(at_s)` is called every second of the video or so. A span may also be rejected as `not_seekable`.
        """
        process = VideoProcess(fetch, size_bytes, limits=self._limits, span=span)
        try:
            return self._analyze(process, bib_rules, on_progress)
        except PhotofinishError:
            raise
        except Exception as error:
            log.exception("analysing a video failed")
            raise internal_error(error) from error
        finally:
            process.end()

    def _analyze(
        self, process: VideoProcess, bib_rules: BibRules, on_progress: Callable[[float], object]
    ) -> ReadFrames:
        began = time.perf_counter()
        info = process.open()
        read = ReadFrames(info=info)
        read.timings_ms["open"] = (time.perf_counter() - began) * 1000
        batch: list[Look] = []
        waiting: deque[Future[_Found]] = deque()

        def take(done: Future[_Found]) -> None:
            for frame, found in done.result():
                read.add(frame, found)

        with ThreadPoolExecutor(self._analyzer.threads, "analyse-video") as pool:
            for look in process.looks():
                on_progress(look.at_s)
                read.changes += look.changes
                batch.append(look)
                if len(batch) == self._analyzer.batch_limit.photos:
                    waiting.append(pool.submit(self._analyze_looks, info, batch, bib_rules))
                    batch = []
                if len(waiting) > self._analyzer.threads:
                    take(waiting.popleft())
            if batch:
                waiting.append(pool.submit(self._analyze_looks, info, batch, bib_rules))
            while waiting:
                take(waiting.popleft())
        return read

    def _followed(self, read: ReadFrames, bib_rules: BibRules) -> VideoAnalysis:
        """Find the scenes, and follow people and numbers through them."""
        info = read.info
        end_s = _end_s(info, read.changes[-1].at_s)
        began = time.perf_counter()
        scenes = find_scenes(read.changes, end_s)
        frames = _without_gaps(read.frames, end_s)
        people, numbers = people_and_numbers(frames, scenes, self._calibration)
        read.timings_ms["follow"] = (time.perf_counter() - began) * 1000
        return VideoAnalysis(
            info=info,
            warnings=_warnings(info, end_s),
            scenes=scenes,
            frames=tuple(frames),
            people=people,
            numbers=numbers,
            pipeline_version=self.version(bib_rules),
            models=self._analyzer.models,
            timings_ms=read.timings_ms,
        )

    def _analyze_looks(self, info: VideoInfo, looks: Sequence[Look], bib_rules: BibRules) -> _Found:
        photos = [
            PhotoToAnalyze(
                DecodedPhoto(
                    image=look.frame,
                    info=ImageInfo(width=info.width, height=info.height, format=info.container),
                    colour_profile=None,
                ),
                bib_rules,
                {},
            )
            for look in looks
        ]
        return [
            (
                AnalyzedFrame(
                    at_s=look.at_s,
                    stands_for=Span(start_s=look.changes[0].at_s, end_s=look.changes[-1].at_s),
                    faces=found.analysis.faces,
                    bibs=found.analysis.bibs,
                    sharpness=found.analysis.sharpness.frame,
                ),
                found,
            )
            for look, found in zip(looks, self._analyzer.analyze_decoded(photos), strict=True)
        ]


def _end_s(info: VideoInfo, last_s: float) -> float:
    """When a video ends whose last frame is shown at `last_s`: as its file says, unless a part is missing."""
    if info.duration_s is not None and last_s < info.duration_s <= last_s + _allowance_s(info):
        return info.duration_s
    return last_s + (1 / info.frames_a_second if info.frames_a_second >= 1 else _USUAL_FRAME_S)


def _allowance_s(info: VideoInfo) -> float:
    return max(_TAIL_S, _TAIL_SHARE * (info.duration_s or 0.0))


def _without_gaps(frames: Sequence[AnalyzedFrame], end_s: float) -> list[AnalyzedFrame]:
    """Each frame stands for the time until the next one's begins."""
    ends = [*(frame.stands_for.start_s for frame in frames[1:]), end_s]
    return [
        replace(frame, stands_for=Span(start_s=frame.stands_for.start_s, end_s=max(stop_s, frame.stands_for.start_s)))
        for frame, stop_s in zip(frames, ends, strict=True)
    ]


def _warnings(info: VideoInfo, end_s: float) -> tuple[PhotoWarning, ...]:
    """Tell of a video that ends before its file says it does."""
    missing_s = 0.0 if info.duration_s is None else info.duration_s - end_s
    if missing_s <= _allowance_s(info):
        return ()
    return (
        PhotoWarning(
            code=WarningCode.TAIL_MISSING,
            message=f"The last {missing_s:.0f} s of the video cannot be decoded: the file was cut off or damaged. "
            f"Everything up to {end_s:.0f} s was analysed.",
        ),
    )

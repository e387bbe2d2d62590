"""Frames of a video, second by second, decoded by OpenCV's FFmpeg. Runs in the confined process only.

FFmpeg also turns frames upright, and converts HDR (PQ, HLG) to SDR where the video says that it is HDR.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

import photofinish_kernels
from photofinish.analysis.imaging.resizing import fit_within, resized
from photofinish.analysis.video.containers import (
    HEAD_BYTES,
    KNOWN_CODECS,
    NOT_DECODED,
    Container,
    FileFacts,
    VideoTrack,
    recognise_video,
)
from photofinish.analysis.video.frame_changes import FrameChanges
from photofinish.analysis.video.iso_videos import facts_of_iso
from photofinish.analysis.video.limits import (
    VideoLimits,
    cut_off,
    damaged,
    encrypted,
    no_video_stream,
    not_seekable,
    unsupported_codec,
)
from photofinish.analysis.video.matroska_videos import facts_of_matroska
from photofinish.analysis.video.ranges import RangeFile
from photofinish.domain.video import FrameChange, Span, VideoInfo
from photofinish.errors import RejectedInput

MAX_FRAME_SIDE = 1920
"""Frames are given at most this large: faces are found at 1280, and numbers are read well."""
TIME_DIGITS = 5
# FFmpeg's other demuxers read playlists and lists of files.
FFMPEG_OPTIONS = "format_whitelist;mov,mp4,matroska,webm"
# Frames above this rate are decoded but not looked at.
_MAX_LOOKS_AT_A_SECOND = 31
_SHARPNESS_SIDE, _MIN_SIDE = 640, 4
# How far before a span its reading begins at the latest, and which of these frames are compared with its first ones.
_LEAD_S, _COMPARED_S = 2.0, 0.5
# After such a change the sharpest frame is chosen anew, since a scene may end there; only so often a second.
_MAYBE_CUT_COLOURS, _MAYBE_CUT_PIXELS, _MAX_GROUPS_A_SECOND = 0.2, 0.04, 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Look:
    """A group of frames that follow each other within one second, and the sharpest of them."""

    frame: NDArray[np.uint8]
    """(H, W, 3) BGR, upright, in sRGB, at most 1920 a side."""
    at_s: float
    sharpness: float
    """Re-blur sharpness of the frame at 640 px."""
    changes: tuple[FrameChange, ...]
    frames: int
    """Decoded frames, those included that were not looked at."""


class VideoReader:
    """Reads one video from the beginning to its end."""

    def __init__(self, file: RangeFile, limits: VideoLimits) -> None:
        """Open the video.

        Raises:
            RejectedInput: `empty_file`, `file_too_large`, `not_a_video`, `no_video_stream`, `video_encrypted`,
                `video_codec_not_supported`, `video_too_long`, `too_many_pixels`, `too_small`, `cut_off` or `damaged`.
        """
        limits.check_file(file.size_bytes)
        self._limits = limits
        facts = _facts(file)
        track = _checked(facts, limits)
        os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = FFMPEG_OPTIONS
        file.seek(0)
        # OpenCV takes any Python file; its types name only those made in C++.
        self._capture = cv2.VideoCapture(cast("Any", file), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
        if not self._capture.isOpened():
            is_known = track.codec in KNOWN_CODECS
            raise damaged("its frames cannot be found") if is_known else unsupported_codec(track.codec)
        width, height = (
            round(self._property(cv2.CAP_PROP_FRAME_WIDTH)),
            round(self._property(cv2.CAP_PROP_FRAME_HEIGHT)),
        )
        limits.check_frame_size(width, height)
        rotation = round(self._property(cv2.CAP_PROP_ORIENTATION_META)) % 360
        self._stretch = _stretch(self._capture, turned=rotation % 180 == 90)
        shown_width, shown_height = _shown(width, height, self._stretch)
        self.info = VideoInfo(
            container=facts.container.value,
            codec=track.codec,
            width=shown_width,
            height=shown_height,
            duration_s=facts.duration_s,
            frames_a_second=self._property(cv2.CAP_PROP_FPS),
            rotation_deg=rotation,
            transfer=track.transfer.value,
            audio_tracks=facts.audio_tracks,
        )

    def looks(self, span: Span | None = None) -> Iterator[Look]:
        """Yield the groups of frames in order; what cannot be decoded is left out.

        Of a `span` only its frames, none if the video ends before; it begins with a whole second.

        Raises:
            RejectedInput: `damaged` (no frame can be decoded), `video_too_long`, `frame_rate_too_high`,
                `too_many_pixels`, `too_small`; or `not_seekable`: the span cannot be read without what is before it.
        """
        start_s, stop_s = (0.0, math.inf) if span is None else (span.start_s, span.end_s)
        changes = FrameChanges()
        if start_s > _LEAD_S:
            self._seek(start_s)
        group: _Group | None = None
        last_s, second, in_second, groups = 0.0, -1, 0, 0
        waiting = 0
        while self._capture.grab():
            at_s = self._time(last_s)
            if at_s >= stop_s:
                break
            if at_s < start_s:
                self._only_compare(changes, at_s, start_s)
                continue
            self._limits.check_duration(at_s)
            is_new_second = int(at_s) != second
            if is_new_second:
                second, in_second, groups = int(at_s), 0, 0
            in_second += 1
            waiting += 1
            self._limits.check_frame_rate(in_second)
            if group is not None and not is_new_second and at_s < last_s + 1 / _MAX_LOOKS_AT_A_SECOND:
                continue
            is_there, frame = self._capture.retrieve()
            if not is_there:
                continue
            self._limits.check_frame_size(frame.shape[1], frame.shape[0])
            last_s = at_s
            change = changes.take(at_s, frame)
            is_cut = change.colours > _MAYBE_CUT_COLOURS and change.pixels > _MAYBE_CUT_PIXELS
            if group is not None and (is_new_second or (is_cut and groups < _MAX_GROUPS_A_SECOND)):
                groups += 1
                yield self._look(group, waiting - 1)
                group, waiting = None, 1
            group = group or _Group()
            group.take(change, frame)
        if group is not None:
            yield self._look(group, waiting)
        elif start_s == 0:
            raise damaged("no frame of it can be decoded")

    def _seek(self, start_s: float) -> None:
        """Go to a frame before this time, a key frame or one that follows from it."""
        lead_s = _LEAD_S
        while lead_s < start_s:
            self._capture.set(cv2.CAP_PROP_POS_MSEC, (start_s - lead_s) * 1000)
            if self._capture.grab() and self._time(0.0) < start_s - _COMPARED_S:
                return
            lead_s *= 4
        raise not_seekable()

    def _only_compare(self, changes: FrameChanges, at_s: float, start_s: float) -> None:
        """Take a frame just before a span, so that the span's first frame is compared with it."""
        if at_s >= start_s - _COMPARED_S:
            is_there, frame = self._capture.retrieve()
            if is_there:
                changes.take(at_s, frame)

    def _property(self, number: int) -> float:
        """What FFmpeg says of the video; 0 where it says nonsense."""
        value = self._capture.get(number)
        return value if math.isfinite(value) and 0 <= value < 1e9 else 0.0

    def _time(self, last_s: float) -> float:
        """When the frame is shown, in whole hundredths of a millisecond; never before the one before it."""
        at_s = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        return max(round(at_s, TIME_DIGITS), last_s) if math.isfinite(at_s) else last_s

    def _look(self, group: _Group, frames: int) -> Look:
        frame = cast("NDArray[np.uint8]", group.best)
        width, height = _shown(frame.shape[1], frame.shape[0], self._stretch)
        if (height, width) != frame.shape[:2]:
            frame = resized(frame, width, height)
        small = fit_within(frame, MAX_FRAME_SIDE, min_side=self._limits.min_side)
        return Look(
            frame=small,
            at_s=group.at_s,
            sharpness=group.sharpness,
            changes=tuple(group.changes),
            frames=frames,
        )


class _Group:
    """Frames so far, of which only the sharpest is kept."""

    def __init__(self) -> None:
        self.changes: list[FrameChange] = []
        self.best: MatLike | None = None
        self.at_s = 0.0
        self.sharpness = -1.0

    def take(self, change: FrameChange, frame: MatLike) -> None:
        self.changes.append(change)
        small = fit_within(cast("NDArray[np.uint8]", frame), _SHARPNESS_SIDE, min_side=_MIN_SIDE)
        gray = cast("NDArray[np.uint8]", cv2.cvtColor(small, cv2.COLOR_BGR2GRAY))
        sharpness = photofinish_kernels.reblur_sharpness(gray)
        if sharpness > self.sharpness:
            self.best, self.at_s, self.sharpness = frame, change.at_s, sharpness


def _facts(file: RangeFile) -> FileFacts:
    container = recognise_video(file.read_at(0, HEAD_BYTES))
    match container:
        case None:
            raise RejectedInput(
                "not_a_video",
                "The file is not a video: its content is not MP4, MOV, MKV or WebM, whatever its name says.",
            )
        case Container.MP4 | Container.MOV:
            return facts_of_iso(file, container)
        case _:
            return facts_of_matroska(file, container)


def _checked(facts: FileFacts, limits: VideoLimits) -> VideoTrack:
    """The track to decode, by what the headers say."""
    if not facts.has_index:
        raise cut_off()
    if facts.video is None:
        raise no_video_stream()
    if facts.video.is_encrypted:
        raise encrypted()
    if facts.video.codec in NOT_DECODED:
        raise unsupported_codec(facts.video.codec)
    if facts.duration_s is not None:
        limits.check_duration(facts.duration_s)
    limits.check_frame_size(facts.video.width, facts.video.height)
    return facts.video


def _stretch(capture: cv2.VideoCapture, *, turned: bool) -> float:
    """By how much a pixel of the upright picture is wider than high; 1 where that makes no sense."""
    numerator, denominator = capture.get(cv2.CAP_PROP_SAR_NUM), capture.get(cv2.CAP_PROP_SAR_DEN)
    stretch = numerator / denominator if numerator > 0 and denominator > 0 else 1.0
    stretch = 1 / stretch if turned else stretch
    return stretch if 0.25 <= stretch <= 4 else 1.0


def _shown(width: int, height: int, stretch: float) -> tuple[int, int]:
    """Width and height in square pixels: the longer pixel side is shortened, so that nothing grows."""
    return (round(width * stretch), height) if stretch <= 1 else (width, round(height / stretch))

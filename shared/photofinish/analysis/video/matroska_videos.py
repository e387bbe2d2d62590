"""Headers of Matroska and WebM files (RFC 8794, RFC 9559)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from photofinish.analysis.video.containers import Container, FileFacts, Transfer, VideoTrack, codec_name
from photofinish.analysis.video.ranges import RangeFile

_SEGMENT, _INFO, _TRACKS, _CLUSTER = 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675
_TIMESTAMP_SCALE, _DURATION = 0x2AD7B1, 0x4489
_TRACK, _TRACK_TYPE, _CODEC, _VIDEO = 0xAE, 0x83, 0x86, 0xE0
_WIDTH, _HEIGHT, _COLOUR, _TRANSFER = 0xB0, 0xBA, 0x55B0, 0x55BA
_ENCODINGS, _ENCODING, _ENCRYPTION = 0x6D80, 0x6240, 0x5035
_VIDEO_TYPE, _SOUND_TYPE = 1, 2
_MAX_ELEMENTS = 10_000
_MAX_VALUE_BYTES = 64
_DEFAULT_SCALE_NS = 1_000_000


@dataclass(frozen=True, slots=True)
class _Element:
    kind: int
    content: int
    end: int


def facts_of_matroska(file: RangeFile, container: Container) -> FileFacts:
    """Read the headers before the first cluster of frames; what is broken in them counts as absent."""
    duration_s: float | None = None
    tracks: list[_Element] | None = None
    for segment in _inside(file, _Element(0, 0, file.size_bytes), _SEGMENT):
        for element in _elements(file, segment.content, segment.end):
            if element.kind == _INFO:
                duration_s = _duration(file, element)
            elif element.kind == _TRACKS:
                tracks = list(_inside(file, element, _TRACK))
            elif element.kind == _CLUSTER:
                break
    types = [_unsigned(file, track, _TRACK_TYPE) for track in tracks or []]
    videos = [track for track, kind in zip(tracks or [], types, strict=True) if kind == _VIDEO_TYPE]
    return FileFacts(
        container=container,
        has_index=tracks is not None,
        video=_video(file, videos[0]) if videos else None,
        audio_tracks=types.count(_SOUND_TYPE),
        duration_s=duration_s,
    )


def _video(file: RangeFile, track: _Element) -> VideoTrack:
    video = next(_inside(file, track, _VIDEO), track)
    colour = next(_inside(file, video, _COLOUR), None)
    encryption = [
        encrypted
        for encodings in _inside(file, track, _ENCODINGS)
        for encoding in _inside(file, encodings, _ENCODING)
        for encrypted in _inside(file, encoding, _ENCRYPTION)
    ]
    return VideoTrack(
        codec=codec_name(_value(file, track, _CODEC).rstrip(b"\0").decode("latin-1")),
        width=_unsigned(file, video, _WIDTH),
        height=_unsigned(file, video, _HEIGHT),
        is_encrypted=bool(encryption),
        transfer=Transfer.of_code(_unsigned(file, colour, _TRANSFER)) if colour else Transfer.SDR,
    )


def _duration(file: RangeFile, info: _Element) -> float | None:
    scale_ns = _unsigned(file, info, _TIMESTAMP_SCALE) or _DEFAULT_SCALE_NS
    value = _value(file, info, _DURATION)
    form = {4: ">f", 8: ">d"}.get(len(value))
    duration = struct.unpack(form, value)[0] if form else 0.0
    seconds = float(duration) * scale_ns / 1e9
    return seconds if 0 < seconds < float("inf") else None


def _unsigned(file: RangeFile, parent: _Element, kind: int) -> int:
    return int.from_bytes(_value(file, parent, kind)[:8], "big")


def _value(file: RangeFile, parent: _Element, kind: int) -> bytes:
    """What the first such element holds; empty without one."""
    for element in _inside(file, parent, kind):
        return file.read_at(element.content, min(element.end - element.content, _MAX_VALUE_BYTES))
    return b""


def _inside(file: RangeFile, parent: _Element, kind: int) -> Iterator[_Element]:
    return (element for element in _elements(file, parent.content, parent.end) if element.kind == kind)


def _elements(file: RangeFile, start: int, end: int) -> Iterator[_Element]:
    """Yield the elements between two offsets. One of unknown size, or that reaches beyond the end, ends with it."""
    for _ in range(_MAX_ELEMENTS):
        header = file.read_at(start, 12)
        kind_bytes = _length(header[:1], 4)
        size_bytes = _length(header[kind_bytes : kind_bytes + 1], 8)
        content = start + kind_bytes + size_bytes
        if start >= end or not kind_bytes or not size_bytes or content > end:
            return
        mask = (1 << (7 * size_bytes)) - 1
        size = int.from_bytes(header[kind_bytes : kind_bytes + size_bytes], "big") & mask
        element_end = end if size == mask else min(content + size, end)
        yield _Element(int.from_bytes(header[:kind_bytes], "big"), content, element_end)
        start = element_end


def _length(first: bytes, longest: int) -> int:
    """The bytes of a number of variable length, by its first one; 0 where it is none."""
    length = 9 - first[0].bit_length() if first and first[0] else 0
    return length if length <= longest else 0

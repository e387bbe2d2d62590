"""Headers of MP4 and QuickTime files (ISO/IEC 14496-12, 14496-14, 23001-7)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from photofinish.analysis.video.containers import Container, FileFacts, Transfer, VideoTrack, codec_name
from photofinish.analysis.video.ranges import RangeFile

_MAX_BOXES = 10_000
_VISUAL_ENTRY_BYTES = 8 + 78


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    content: int
    """Offset of what is in it."""
    end: int


def facts_of_iso(file: RangeFile, container: Container) -> FileFacts:
    """Read the headers; what is broken in them counts as absent."""
    movie = next((box for box in _boxes(file, 0, file.size_bytes) if box.kind == b"moov"), None)
    if movie is None:
        return FileFacts(container=container, has_index=False, video=None, audio_tracks=0, duration_s=None)
    video: VideoTrack | None = None
    audio_tracks = 0
    durations = [duration for box in _inside(file, movie, b"mvhd") if (duration := _duration(file, box))]
    for track in _inside(file, movie, b"trak"):
        for media in _inside(file, track, b"mdia"):
            handler = [file.read_at(box.content + 8, 4) for box in _inside(file, media, b"hdlr")]
            if b"soun" in handler:
                audio_tracks += 1
            elif b"vide" in handler and video is None:
                video = _video(file, media)
    return FileFacts(
        container=container,
        has_index=True,
        video=video,
        audio_tracks=audio_tracks,
        duration_s=durations[0] if durations else None,
    )


def _video(file: RangeFile, media: _Box) -> VideoTrack | None:
    for information in _inside(file, media, b"minf"):
        for table in _inside(file, information, b"stbl"):
            for descriptions in _inside(file, table, b"stsd"):
                for entry in _boxes(file, descriptions.content + 8, descriptions.end):
                    return _described(file, entry)
    return None


def _described(file: RangeFile, entry: _Box) -> VideoTrack:
    header = file.read_at(entry.content, 28)
    inner = list(_boxes(file, entry.content + _VISUAL_ENTRY_BYTES - 8, entry.end))
    original = [
        file.read_at(form.content, 4)
        for scheme in inner
        if scheme.kind == b"sinf"
        for form in _inside(file, scheme, b"frma")
    ]
    transfer = Transfer.SDR
    for box in inner:
        colour = file.read_at(box.content, 8) if box.kind == b"colr" else b""
        if colour[:4] in {b"nclx", b"nclc"}:
            transfer = Transfer.of_code(int.from_bytes(colour[6:8], "big"))
    code = (original or [entry.kind])[0].decode("latin-1")
    return VideoTrack(
        codec=codec_name(code),
        width=int.from_bytes(header[24:26], "big"),
        height=int.from_bytes(header[26:28], "big"),
        is_encrypted=entry.kind == b"encv",
        transfer=transfer,
    )


def _duration(file: RangeFile, header: _Box) -> float | None:
    content = file.read_at(header.content, 32)
    if content[:1] == b"\1":
        scale, length, unknown = content[20:24], content[24:32], 2**64 - 1
    else:
        scale, length, unknown = content[12:16], content[16:20], 2**32 - 1
    units, duration = int.from_bytes(scale, "big"), int.from_bytes(length, "big")
    return duration / units if units and duration not in {0, unknown} else None


def _inside(file: RangeFile, box: _Box, kind: bytes) -> Iterator[_Box]:
    return (inner for inner in _boxes(file, box.content, box.end) if inner.kind == kind)


def _boxes(file: RangeFile, start: int, end: int) -> Iterator[_Box]:
    """Yield the boxes between two offsets, up to something that is none or reaches beyond the end."""
    for _ in range(_MAX_BOXES):
        header = file.read_at(start, 16)
        if start + 8 > end or len(header) < 8:
            return
        size, kind, content = int.from_bytes(header[:4], "big"), header[4:8], start + 8
        if size == 1:
            size, content = int.from_bytes(header[8:16], "big"), start + 16
        box_end = start + size if size else end
        if box_end < content or box_end > end:
            return
        yield _Box(kind, content, box_end)
        start = box_end

"""What is said of files that are no videos, of videos that cannot be seen, and of those that are too much."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from photofinish.analysis.video.limits import VideoLimits
from photofinish.errors import RejectedInput
from support.videos import decode_confined, moving, read_video, sound_only, video

KEY = {
    "encryption_scheme": "cenc-aes-ctr",
    "encryption_key": "00112233445566778899aabbccddeeff",
    "encryption_kid": "00112233445566778899aabbccddeeff",
}
DAY_MS = 24 * 3600 * 1000


@pytest.fixture(scope="module")
def good() -> bytes:
    return video(moving(2.5))


def outcome(content: bytes, limits: VideoLimits | None = None) -> RejectedInput:
    with pytest.raises(RejectedInput) as rejected:
        read_video(content, limits)
    assert str(rejected.value).endswith("."), "a sentence"
    return rejected.value


def patched(content: bytes, after: bytes, offset: int, new: bytes) -> bytes:
    """`new` in place of what is `offset` bytes after the first `after`."""
    at = content.index(after) + len(after) + offset
    return content[:at] + new + content[at + len(new) :]


def of_noise(content: bytes) -> bytes:
    """A video whose index is whole and whose frames are noise."""
    at = content.index(b"mdat") + 4
    noise = np.random.default_rng(0).bytes(len(content) - at)
    return content[:at] + noise


BAD: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "nothing": (lambda _: b"", "empty_file"),
    "text": (lambda _: b"a text, whatever its name says " * 9, "not_a_video"),
    "only sound": (lambda _: sound_only(), "no_video_stream"),
    "encrypted": (lambda _: video(moving(1), container_options=KEY), "video_encrypted"),
    "AV1": (lambda _: video(moving(1), codec="libsvtav1"), "video_codec_not_supported"),
    "an unknown codec": (lambda good: good.replace(b"avc1", b"zzz9"), "video_codec_not_supported"),
    "without its index": (lambda good: good[: good.index(b"moov")], "cut_off"),
    "Matroska without its tracks": (lambda _: video(moving(1), container="matroska")[:200], "cut_off"),
    "noise": (
        lambda _: of_noise(video(moving(2.5), container_options={"movflags": "faststart"})),
        "damaged",
    ),
    "a day long": (lambda good: patched(good, b"mvhd", 16, DAY_MS.to_bytes(4, "big")), "video_too_long"),
    "huge, as the header says": (lambda good: patched(good, b"stsd", 40, b"\xff\xff\xff\xff"), "too_many_pixels"),
    "tiny": (lambda _: video([np.zeros((8, 32, 3), np.uint8)] * 3, codec="mpeg4"), "too_small"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_videos_are_rejected_with_a_code_and_a_sentence(what: str, good: bytes) -> None:
    make, code = BAD[what]
    assert outcome(make(good)).code == code


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"max_duration_s": 1.0}, "video_too_long"),
        ({"max_frames_a_second": 5}, "frame_rate_too_high"),
        ({"max_file_bytes": 1000}, "file_too_large"),
        ({"max_pixels": 96 * 64 - 1}, "too_many_pixels"),
    ],
)
def test_videos_above_a_limit_are_rejected(good: bytes, limits: dict[str, float], code: str) -> None:
    assert outcome(good, replace(VideoLimits(), **limits)).code == code


def test_a_video_that_hides_its_length_is_stopped_at_the_limit(good: bytes) -> None:
    hidden = patched(good, b"mvhd", 16, bytes(4))
    assert outcome(hidden, VideoLimits(max_duration_s=1.0)).code == "video_too_long"


def test_a_small_file_of_large_frames_takes_no_more_than_its_memory() -> None:
    bomb = video([np.zeros((2160, 3840, 3), np.uint8)] * 2)
    assert len(bomb) < 200_000
    with pytest.raises(RejectedInput) as rejected:
        decode_confined(bomb, memory_bytes=30_000_000)
    assert rejected.value.code in {"too_much_memory", "damaged"}, "FFmpeg may say either"


class TestEffort:
    def test_slow_videos_are_stopped(self) -> None:
        with pytest.raises(RejectedInput) as rejected:
            VideoLimits().check_effort(waited_s=200, video_s=1)
        assert rejected.value.code == "decoding_took_too_long"

    def test_opening_may_take_a_while_and_long_videos_longer(self) -> None:
        VideoLimits().check_effort(waited_s=100, video_s=0)
        VideoLimits().check_effort(waited_s=3600, video_s=3600)

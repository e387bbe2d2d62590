"""What the confined process gives of videos of every accepted kind."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from photofinish.analysis.video.limits import VideoLimits
from photofinish.analysis.video.video_reader import Look
from support.videos import decode_confined, moving, read_video, turned, video

SECONDS = 2.5
BLUE, DARK = (200, 60, 20), (40, 40, 40)


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    return moving(SECONDS)


def is_coloured(look: Look, row: int, column: int, colour: tuple[int, int, int]) -> bool:
    return bool(np.abs(look.frame[row, column].astype(int) - colour).max() < 25)


@pytest.mark.parametrize(
    ("codec", "container", "name", "kind"),
    [
        ("libx264", "mp4", "H.264", "MP4"),
        ("libx265", "mov", "HEVC", "MOV"),
        ("libvpx-vp9", "webm", "VP9", "WEBM"),
        ("libvpx", "matroska", "VP8", "MATROSKA"),
        ("mpeg4", "mp4", "MPEG-4", "MP4"),
    ],
)
def test_every_second_gives_one_frame(
    frames: list[np.ndarray], codec: str, container: str, name: str, kind: str
) -> None:
    info, looks = decode_confined(video(frames, codec=codec, container=container))
    assert (info.codec, info.container, info.width, info.height) == (name, kind, 96, 64)
    assert info.duration_s == pytest.approx(SECONDS, abs=0.01)
    assert [int(look.at_s) for look in looks] == [0, 1, 2]
    assert [look.frames for look in looks] == [10, 10, 5]
    assert all(is_coloured(look, 4, 4, BLUE) and is_coloured(look, 5, 90, DARK) for look in looks)


def test_frames_are_turned_as_the_file_says(frames: list[np.ndarray]) -> None:
    info, looks = read_video(turned(video(frames)))
    assert (info.width, info.height, info.rotation_deg) == (64, 96, 90)
    assert looks[0].frame.shape == (96, 64, 3)
    assert is_coloured(looks[0], 4, 59, BLUE), "the upper left quarter is at the upper right"
    assert is_coloured(looks[0], 90, 5, DARK)


def test_times_of_a_variable_rate_are_the_files(frames: list[np.ndarray]) -> None:
    _, looks = read_video(video(frames[:6], times_ms=[0, 40, 500, 1900, 2000, 5000]))
    assert [change.at_s for look in looks for change in look.changes] == [0, 0.04, 0.5, 1.9, 2.0, 5.0]


def test_pixels_that_are_not_square_are_made_square(frames: list[np.ndarray]) -> None:
    info, looks = read_video(video(frames, sample_aspect_ratio=Fraction(1, 2)))
    assert (info.width, info.height) == (48, 64)
    assert looks[0].frame.shape == (64, 48, 3)


@pytest.mark.parametrize("tracks", [0, 2])
def test_sound_changes_nothing(frames: list[np.ndarray], tracks: int) -> None:
    info, looks = read_video(video(frames, audio=tracks))
    assert info.audio_tracks == tracks
    assert len(looks) == 3


def test_a_video_of_two_frames_is_a_video(frames: list[np.ndarray]) -> None:
    _, looks = read_video(video(frames[:2]))
    assert [look.frames for look in looks] == [2]


def test_a_broken_tail_leaves_what_is_before_it() -> None:
    whole = video(moving(12), container_options={"movflags": "faststart"})
    info, looks = read_video(whole[: len(whole) * 2 // 3])
    assert info.duration_s == pytest.approx(12, abs=0.1)
    assert 5 < looks[-1].changes[-1].at_s < 10


@pytest.mark.parametrize(("transfer", "code", "white"), [("pq", 16, 148), ("hlg", 18, 191)])
def test_hdr_becomes_sdr(transfer: str, code: int, white: int) -> None:
    """Diffuse white of HDR, a grey value in the file, is nearly white; mid-tones keep their order."""
    steps = np.repeat(np.array([0, white // 2, white], np.uint8), 32)[None, :, None].repeat(64, 0).repeat(3, 2)
    content = video(
        [steps] * 4,
        codec="libx265",
        pixel_format="yuv420p10le",
        color_trc=code,
        color_primaries=9,
        colorspace=9,
    )
    info, looks = read_video(content)
    assert info.transfer == transfer
    black, middle, bright = looks[0].frame[32, [16, 48, 80]].mean(axis=1)
    assert black < 10 < middle < bright - 60
    assert bright > 215, "as it stands in the file it would be grey"


def test_of_each_second_the_sharpest_frame_is_given() -> None:
    rng = np.random.default_rng(0)
    sharp = rng.integers(0, 256, (64, 96, 3), dtype=np.uint8).repeat(2, 0).repeat(2, 1)
    soft = np.full_like(sharp, 127)
    soft[:, : soft.shape[1] // 2] = 110
    frames = [soft] * 5 + [sharp] + [soft] * 4
    _, looks = read_video(video(frames, codec="mpeg4"))
    sharpest = max(looks, key=lambda look: look.sharpness)
    assert sharpest.at_s == pytest.approx(0.5)


def test_large_frames_come_smaller_and_small_ones_as_they_are() -> None:
    wide = np.zeros((64, 2400, 3), np.uint8)
    info, looks = read_video(video([wide] * 2))
    assert (info.width, info.height) == (2400, 64)
    assert looks[0].frame.shape == (51, 1920, 3)


def test_limits_may_be_others(frames: list[np.ndarray]) -> None:
    info, looks = read_video(video(frames), VideoLimits(max_duration_s=2.6, max_frames_a_second=10))
    assert len(looks) == 3
    assert info.frames_a_second == pytest.approx(10, abs=0.1)

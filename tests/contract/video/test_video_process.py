"""What happens when the process that decodes a video is taken over, crashes or does not end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from photofinish.analysis.decoders.confined_process import DecoderBug
from photofinish.analysis.video.limits import VideoLimits
from photofinish.analysis.video.video_process import VideoProcess
from photofinish.analysis.video.video_reader import Look
from photofinish.errors import RejectedInput, Unavailable
from support.videos import content_fetch, moving, video

READY = '{"ready": {"seccomp": true, "landlock": 0, "ends_with_parent": true, "limits": []}}'
OPENED = (
    '{"opened": {"container": "MP4", "codec": "H.264", "width": 96, "height": 64, "duration_s": 1, '
    '"frames_a_second": 10, "rotation_deg": 0, "transfer": "sdr", "audio_tracks": 0}}'
)
CHANGES = "[[0, 0, 0, 0, 0, 0, 0]]"

ENDLESS = """
from photofinish.analysis.video import video_program
class Endless:
    def __init__(self, file, limits):
        while True:
            pass
video_program.VideoReader = Endless
video_program.main()
"""
BUG = ENDLESS.replace("while True:\n            pass", "raise ZeroDivisionError('a bug')")
KILLED = (
    f"import os, signal, sys\nprint({READY!r}, flush=True)\nsys.stdin.readline()\nos.kill(os.getpid(), signal.SIGKILL)"
)


def taken_over(*said: str) -> VideoProcess:
    """A process that answers each line with the next of `said`, whatever it is asked."""
    program = (
        f"import sys\nfor answer in {[READY, *said]!r}:\n    print(answer, flush=True)\n    sys.stdin.readline()\n"
    )
    return VideoProcess(lambda offset, size: bytes(size), 1000, program=("-c", program))


def opened(process: VideoProcess) -> Iterator[Look]:
    process.open()
    yield from process.looks()


def failure(process: VideoProcess) -> RejectedInput:
    with pytest.raises(RejectedInput) as rejected:
        list(opened(process))
    return rejected.value


def test_the_process_is_confined() -> None:
    content = video(moving(1))
    process = VideoProcess(content_fetch(content), len(content))
    in_force = process.await_ready()
    process.end()
    assert {"CORE", "FSIZE", "NOFILE", "CPU"} <= set(in_force.limits)


@pytest.mark.parametrize(
    "said",
    [
        ["nonsense"],
        ['{"opened": {}}'],
        [OPENED.replace("H.264", "H" * 100)],
        [OPENED.replace('"duration_s": 1', '"duration_s": NaN')],
        ['{"range": [900, 200]}'],
        ['{"range": [0, 0]}'],
        [OPENED, f'{{"look": [100000, 100000, 0, 0.5, 1, {CHANGES}]}}'],
        [OPENED, '{"look": [64, 96, 0, 0.5, 1, []]}'],
        [OPENED, '{"look": [64, 96, 0, 0.5, 1, [[0, 7, 0, 0, 0, 0, 0]]]}'],
        [OPENED, OPENED],
        ['{"end": []}'],
        [],
    ],
)
def test_answers_are_checked(said: list[str]) -> None:
    assert failure(taken_over(*said)).code == "decoder_failed"


def test_a_process_that_speaks_unasked_is_ended() -> None:
    assert failure(taken_over(f"{OPENED}\n{OPENED}")).code == "decoder_failed"


def test_a_video_that_goes_on_for_ever_is_stopped() -> None:
    late = f'{{"look": [64, 96, 20000, 0.5, 1, {CHANGES}]}}'
    assert failure(taken_over(OPENED, late)).code == "video_too_long"


def test_one_that_computes_for_ever_is_ended() -> None:
    content = video(moving(1))
    limits = replace(VideoLimits(), max_look_s=1)
    process = VideoProcess(content_fetch(content), len(content), limits=limits, program=("-c", ENDLESS))
    with pytest.raises(RejectedInput) as rejected:
        process.open()
    assert rejected.value.code == "decoding_took_too_long"


def test_a_bug_is_told_with_its_traceback() -> None:
    process = VideoProcess(content_fetch(b"x"), 1, program=("-c", BUG))
    with pytest.raises(DecoderBug, match="ZeroDivisionError: a bug"):
        process.open()
    process.end()


def test_one_that_the_system_ends_is_not_the_videos_fault() -> None:
    process = VideoProcess(content_fetch(b"x"), 1, program=("-c", KILLED))
    with pytest.raises(Unavailable, match="memory is short"):
        process.open()


def test_a_file_that_changes_meanwhile_is_not_the_videos_fault() -> None:
    content = video(moving(1))
    process = VideoProcess(content_fetch(content[:100]), len(content))
    with pytest.raises(Unavailable, match="overwritten"):
        process.open()
    process.end()


def test_only_ranges_of_the_file_are_read() -> None:
    content = video(moving(3))
    read: list[tuple[int, int]] = []

    def fetch(offset: int, size: int) -> bytes:
        read.append((offset, size))
        return content[offset : offset + size]

    process = VideoProcess(fetch, len(content))
    process.open()
    assert len(list(process.looks())) == 3
    process.end()
    assert read == [(0, len(content))], "a file of less than 1 MiB is read once"

"""What decoder processes may do, and what happens when one is taken over, crashes or does not end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from photofinish.analysis.decoders.pool import DecoderPool
from photofinish.analysis.imaging.decoded import Limits
from photofinish.analysis.imaging.decoding import decode
from photofinish.application.pictures import PICTURE_LIMITS
from photofinish.errors import RejectedInput, Unavailable
from support import hostile_decoder
from support.attacks import jpeg_in_passes, png_of_one_colour
from support.pictures import encode, noise, quadrants, save

SMALL_MEMORY = 600_000_000
REFUSED = (
    "read a file", "ask for a file", "list a folder", "write a file", "open a socket", "open a pair of sockets",
    "start a program", "become a program", "fork", "trace the parent", "signal the parent", "make memory executable",
    "read the parent's environment", "make a pipe",
)  # fmt: skip

# A decoder may not signal itself, so this one is not confined.
ENDED_OVER_EACH_PICTURE = """
import os, signal, sys
print('{"ready": {"seccomp": true, "landlock": 0, "ends_with_parent": true, "limits": []}}', flush=True)
sys.stdin.readline()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def hostile() -> Iterator[DecoderPool]:
    os.environ["PHOTOFINISH_TEST_SECRET"] = "a secret"
    inherited = os.open("/etc/passwd", os.O_RDONLY)
    os.set_inheritable(inherited, True)
    pool = DecoderPool(1, memory_bytes=SMALL_MEMORY, program=hostile_decoder.PROGRAM)
    pool.in_force()
    yield pool
    pool.close()
    os.close(inherited)
    del os.environ["PHOTOFINISH_TEST_SECRET"]


def outcome(pool: DecoderPool, content: bytes, **limits: float) -> RejectedInput:
    with pytest.raises(RejectedInput) as rejected:
        pool.decode(content, limits=replace(Limits(), **limits))
    return rejected.value


class TestWhatADecoderMayDo:
    @pytest.mark.parametrize("deed", REFUSED)
    def test_it_may_do_nothing_outside_of_itself(self, hostile: DecoderPool, deed: str) -> None:
        if not hostile.in_force().seccomp:
            pytest.skip("this kernel filters no system calls")
        assert outcome(hostile, deed.encode()).code == "refused"
        assert not Path("/tmp/photofinish-escaped").exists()

    def test_it_inherits_no_environment_and_no_open_files(self, hostile: DecoderPool) -> None:
        assert "secret" not in outcome(hostile, b"environment").message
        # Requests, two that lead nowhere, the shared memory, and a copy of standard output for answers.
        assert len(outcome(hostile, b"descriptors").message.split(",")) == 5

    def test_it_may_start_threads(self, hostile: DecoderPool) -> None:
        assert outcome(hostile, b"thread").message == "thread ended: True"

    def test_it_may_not_take_more_than_its_memory(self, hostile: DecoderPool) -> None:
        assert outcome(hostile, b"hold memory").code == "too_much_memory"

    def test_what_is_in_force_is_told(self, hostile: DecoderPool) -> None:
        assert {"CORE", "FSIZE", "NOFILE", "CPU"} <= set(hostile.in_force().limits)


class TestADecoderThatFails:
    def test_a_crash_costs_one_picture(self, hostile: DecoderPool) -> None:
        assert outcome(hostile, b"crash").code == "decoder_failed"
        assert (hostile.decode(b"picture").image.ravel() == np.arange(18)).all()

    def test_one_that_computes_for_ever_is_ended(self, hostile: DecoderPool) -> None:
        assert outcome(hostile, b"compute", max_processor_s=1).code == "decoding_took_too_long"
        assert hostile.decode(b"picture").colour_profile == b"icc"

    def test_one_that_waits_for_ever_is_ended(self, hostile: DecoderPool) -> None:
        assert outcome(hostile, b"sleep", max_decode_s=0.2).code == "decoding_took_too_long"
        assert hostile.decode(b"picture").info.format == "PNG"

    @pytest.mark.parametrize("said", ["say nonsense", "say a picture of another size"])
    def test_answers_are_checked(self, hostile: DecoderPool, said: str) -> None:
        outcome(hostile, said.encode())
        assert hostile.decode(b"picture").image.shape == (2, 3, 3)

    def test_a_decoder_that_the_system_ends_costs_no_picture(self, hostile: DecoderPool) -> None:
        pid = int(outcome(hostile, b"pid").message)
        os.kill(pid, signal.SIGKILL)
        assert hostile.decode(b"picture").image.shape == (2, 3, 3)
        assert int(outcome(hostile, b"pid").message) != pid

    def test_a_system_that_ends_decoders_is_not_the_pictures_fault(self) -> None:
        pool = DecoderPool(1, program=("-c", ENDED_OVER_EACH_PICTURE))
        with pytest.raises(Unavailable, match="memory may be short"):
            pool.decode(b"picture")
        pool.close()

    def test_a_decoder_that_cannot_start_is_not_the_pictures_fault(self) -> None:
        pool = DecoderPool(1, program=("-c", "raise SystemExit('no libraries')"))
        for _ in range(2):
            with pytest.raises(Unavailable, match="no libraries"):
                pool.decode(b"picture")
        pool.close()

    def test_decoders_end_with_their_pool(self) -> None:
        pool = DecoderPool(1, program=hostile_decoder.PROGRAM)
        process = psutil.Process(int(outcome(pool, b"pid").message))
        pool.close()
        assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


class TestPictures:
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF", "GIF", "BMP"])
    def test_a_decoder_gives_what_decoding_here_gives(self, decoders: DecoderPool, kind: str) -> None:
        content = encode(quadrants(), kind, icc_profile=b"") if kind == "BMP" else encode(quadrants(), kind)
        here, there = decode(content), decoders.decode(content)
        assert (here.image == there.image).all()
        assert here.image.flags.c_contiguous
        assert there.image.flags.writeable
        assert (here.info, here.colour_profile, here.warnings) == (there.info, there.colour_profile, there.warnings)

    def test_of_a_jpeg_with_several_pictures_the_first_is_decoded(self, decoders: DecoderPool) -> None:
        first, second = Image.fromarray(quadrants()), Image.fromarray(noise(320, 200))
        photo = decoders.decode(save(first, "MPO", save_all=True, append_images=[second]))
        assert (photo.image == decode(save(first, "JPEG")).image).all()

    def test_attacks_are_refused_soon_and_their_neighbours_are_decoded(self, decoders: DecoderPool) -> None:
        attacks = {
            "progressive": jpeg_in_passes(8000, 8000, 60),
            "sequential": jpeg_in_passes(4000, 4000, 65, is_progressive=False),
            "scans behind a marker without length": jpeg_in_passes(4000, 4000, 65, hidden=b"\xff\x01\xff\xff"),
            "unfolding": png_of_one_colour(8000, 8000),
        }
        assert max(map(len, attacks.values())) < 5_000_000
        photo = encode(noise(640, 480))
        with ThreadPoolExecutor(2) as pool:
            began = time.process_time()
            results = [
                pool.submit(decoders.decode, content, limits=PICTURE_LIMITS)
                for attack in attacks.values()
                for content in (attack, photo)
            ]
            refused = [result.exception() for result in results[::2]]
            assert time.process_time() - began < 5, "they take this process no time"
        assert [error.code for error in refused if isinstance(error, RejectedInput)] == [
            "unsupported_format", "unsupported_format", "unsupported_format", "too_many_pixels",
        ]  # fmt: skip
        assert all((result.result().image == decode(photo).image).all() for result in results[1::2])

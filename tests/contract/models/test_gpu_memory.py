"""Memory and shapes on a GPU: arithmetic, and the shapes of real models. `make gpu-check` measures them on one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from photofinish.analysis.models import face_detection, face_tiles, text_detection, text_recognition
from photofinish.analysis.models.batching import padded_to_32
from photofinish.analysis.models.catalogue import CPU_PROVIDER, catalogue, model_for
from photofinish.analysis.models.face_detection import FaceDetector
from photofinish.analysis.models.face_embedding import FaceEmbedder
from photofinish.analysis.models.gpu_memory import (
    RESERVED_BYTES,
    BoundedArena,
    arena_limit,
    is_out_of_memory,
    padded,
    padded_count,
)
from photofinish.analysis.models.nvidia import CUDA, TENSORRT
from photofinish.analysis.models.providers import providers_with_options
from photofinish.analysis.models.session import OrtSession
from photofinish.analysis.models.settings import ModelSettings
from photofinish.analysis.models.tensorrt_shapes import SHAPES, profile_options
from photofinish.analysis.models.text_detection import TextDetector
from photofinish.analysis.models.text_recognition import TextRecognizer
from support.pictures import group

L4_BYTES = 23034 * 2**20
# The models of texts run in NumPy.
ROLES = [model.role for model in catalogue() if model.role not in ("sentence_embedding", "word_pieces")]
Arrays = dict[str, NDArray[np.float32]]


class Arena:
    """A model that doubles its input in an arena of `limit` numbers; a shape keeps what it took until it is given back.

    It behaves as onnxruntime's arena with kSameAsRequested (bfc_arena.cc).
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.taken: dict[tuple[int, ...], int] = {}
        self.largest = 0

    def run(self, batch: NDArray[np.float32], gives_back: bool) -> Arrays:
        needed = self.taken | {batch.shape: batch.size}
        if sum(needed.values()) > self.limit:
            raise RuntimeError(f"Available memory of 0 is smaller than requested bytes of {batch.size}")
        self.taken = needed
        self.largest = max(self.largest, sum(needed.values()))
        if gives_back:
            self.taken = {}
        return {"doubled": 2 * batch}


def test_all_models_together_leave_the_reserve_free() -> None:
    limits = [arena_limit(L4_BYTES, role) for role in (*ROLES, None)]
    assert sum(limits) <= L4_BYTES - RESERVED_BYTES
    assert min(limits) > 1.5 * 2**30, "each can run its largest batch"


def test_a_gpu_that_is_smaller_than_the_reserve_has_no_memory_to_share() -> None:
    assert arena_limit(RESERVED_BYTES - 1, "face_detection") == 0


@given(st.integers(1, 5000))
def test_padded_counts_are_the_next_power_of_two(count: int) -> None:
    size = padded_count(count)
    assert size.bit_count() == 1
    assert size / 2 < count <= size
    assert padded_count(size) == size


@given(st.lists(st.integers(1, 64), min_size=1, max_size=30))
def test_results_are_those_of_the_inputs_in_few_shapes(counts: list[int]) -> None:
    shapes = set()

    def run(batch: NDArray[np.float32], gives_back: bool) -> Arrays:
        assert gives_back == (batch.shape not in shapes), "exactly new shapes give memory back"
        shapes.add(batch.shape)
        return {"doubled": 2 * batch}

    arena = BoundedArena(run)
    for count in counts:
        batch = np.arange(count * 3, dtype=np.float32).reshape(count, 3)
        np.testing.assert_array_equal(arena.run(batch)["doubled"], 2 * batch)
    assert len(shapes) <= 7  # 1, 2, 4, … 64


def test_photos_of_two_thousand_shapes_need_no_more_memory_than_the_largest() -> None:
    unbounded, bounded = Arena(10**9), Arena(10**9)
    arena = BoundedArena(bounded.run)
    for width in range(1, 2001):
        batch = np.zeros((1, width), np.float32)
        unbounded.run(batch, False)
        arena.run(batch)
    assert unbounded.largest == sum(range(2001))
    assert bounded.largest == 2000


def test_known_shapes_that_fill_the_arena_together_are_run_after_giving_back() -> None:
    inner = Arena(limit=250)
    arena = BoundedArena(inner.run)
    for _ in range(3):
        for width in (100, 101, 102):
            outputs = arena.run(np.ones((1, width), np.float32))
            assert outputs["doubled"].shape == (1, width)
    assert inner.largest <= 250


def test_a_batch_that_never_fits_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="smaller than requested"):
        BoundedArena(Arena(limit=10).run).run(np.ones((4, 8), np.float32))


def test_other_errors_are_not_tried_again() -> None:
    calls = []

    def broken(batch: NDArray[np.float32], gives_back: bool) -> Arrays:
        calls.append(batch.shape)
        raise ValueError("invalid rank for input")

    with pytest.raises(ValueError, match="invalid rank"):
        BoundedArena(broken).run(np.ones((2, 2), np.float32))
    assert len(calls) == 1


@pytest.mark.parametrize(
    "message",
    [
        "bfc_arena.cc:376 Failed to allocate memory for requested buffer of size 939524096",
        "Available memory of 895 is smaller than requested bytes of 969",
        "CUDA failure 2: out of memory ; GPU=0",
        "CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED",
    ],
)
def test_words_of_used_up_memory(message: str) -> None:
    assert is_out_of_memory(message)


def test_wrong_input_is_not_used_up_memory(model_settings: ModelSettings) -> None:
    session = OrtSession(model_for("face_embedding"), model_settings)
    with pytest.raises(Exception, match="INVALID_ARGUMENT") as caught:
        session.run(np.zeros((1, 3, 7, 7), np.float32))
    assert not is_out_of_memory(str(caught.value))


def test_cuda_gets_a_limit_and_tensorrt_its_shapes() -> None:
    settings = ModelSettings(models_dir=Path("m"), providers=(TENSORRT, CUDA), tensorrt_cache_dir=Path("/engines"))
    [(_, tensorrt), (_, cuda)] = providers_with_options(
        settings, [TENSORRT, CUDA], role="text_recognition", input_name="x", memory_bytes=L4_BYTES
    )
    assert cuda["gpu_mem_limit"] == str(arena_limit(L4_BYTES, "text_recognition"))
    assert tensorrt["trt_profile_max_shapes"] == "x:32x3x48x2560"
    assert tensorrt["trt_profile_min_shapes"] == "x:2x3x48x32"


def test_an_operators_model_has_no_known_shapes() -> None:
    assert profile_options(None, "images") == {}


class Recording:
    """A session of a GPU that records the shapes it runs; the arithmetic is that of the model on the CPU."""

    large_batches_pay = True

    def __init__(self, role: str, settings: ModelSettings) -> None:
        self.inner = OrtSession(model_for(role), settings)
        self.shapes = SHAPES[role]
        self.arena = BoundedArena(lambda batch, _: self.inner.run(batch))

    @property
    def metadata(self) -> Mapping[str, str]:
        return self.inner.metadata

    def run(self, batch: NDArray[np.float32]) -> Arrays:
        smallest, _, largest = self.shapes
        shape = padded(batch).shape
        assert all(low <= side <= high for low, side, high in zip(smallest, shape, largest, strict=True)), shape
        return self.arena.run(batch)


def test_every_input_of_a_model_is_in_tensorrts_range(model_settings: ModelSettings) -> None:
    picture = group()
    panorama = np.ascontiguousarray(np.tile(picture[: picture.shape[0] // 3], (1, 3, 1)))
    images = [panorama, picture[:40, :40]]
    FaceDetector(Recording("face_detection", model_settings)).detect(images)
    chips = np.zeros((3, 112, 112, 3), np.uint8)
    assert len(FaceEmbedder(Recording("face_embedding", model_settings), "space").embed(chips)) == 3
    TextDetector(Recording("text_detection", model_settings)).detect(images)
    lines = [np.zeros((48, width, 3), np.uint8) for width in (1, 50, 9000)]
    assert len(TextRecognizer(Recording("text_recognition", model_settings)).recognize(lines)) == 3


def test_the_largest_shapes_are_those_of_the_code() -> None:
    faces, text, lines = (SHAPES[role].largest for role in ("face_detection", "text_detection", "text_recognition"))
    largest_view = padded_to_32(max(face_tiles.LARGEST_TILE_PX, face_detection.LONGEST_SIDE))
    assert faces[2:] == (largest_view, largest_view)
    assert text[2:] == (text_detection.LONGEST_SIDE, text_detection.LONGEST_SIDE)
    assert lines[2:] == (text_recognition.LINE_HEIGHT, text_recognition.MAX_WIDTH)
    assert SHAPES["text_recognition"].smallest[3] == text_recognition.WIDTH_STEP


def test_the_runtime_knows_the_option_that_gives_memory_back(model_settings: ModelSettings) -> None:
    path = str(model_settings.models_dir / model_for("face_embedding").file)
    session = ort.InferenceSession(path, providers=[CPU_PROVIDER])
    feeds = {session.get_inputs()[0].name: np.zeros((1, 3, 112, 112), np.float32)}
    options = ort.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    (given_back,) = session.run(None, feeds, options)
    np.testing.assert_array_equal(given_back, session.run(None, feeds)[0])


def test_a_runtime_that_cannot_give_memory_back_runs_the_model_and_says_so_once(
    model_settings: ModelSettings, caplog: pytest.LogCaptureFixture
) -> None:
    """A session on the CPU has no arena of a GPU, so the runtime refuses the option as one without arenas does."""
    session = OrtSession(model_for("face_embedding"), model_settings)
    batch = np.random.default_rng(0).uniform(0, 255, (2, 3, 112, 112)).astype(np.float32)
    arena = BoundedArena(session._run)
    (expected,) = session.run(batch).values()
    for size in (2, 1):  # each is a new shape
        (found,) = arena.run(batch[:size]).values()
        np.testing.assert_allclose(found, expected[:size], rtol=1e-5)
    [said] = caplog.messages
    assert "unused memory cannot be given back" in said

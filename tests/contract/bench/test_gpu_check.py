"""`make gpu-check` without a GPU: its arithmetic, its report, and the script itself on the CPU."""

from __future__ import annotations

import io
import json
import lzma
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import simplejpeg

from bench.gpu import check, memory, pack, parity, speed
from bench.gpu.figures import (
    ALL_PASSED,
    NO_GPU,
    SOME_FAILED,
    Figure,
    as_json,
    as_table,
    at_least,
    at_most,
    bound_by,
    busy_shares,
    exit_status,
    goal_photos_per_s,
)
from photofinish.analysis.models.nvidia import this_machine
from photofinish.analysis.models.settings import ModelSettings
from support.pictures import group

ROOT = Path(__file__).parents[3]


def test_bars() -> None:
    assert at_least("speed", "photos", 50, 50).passed
    assert not at_least("speed", "photos", 49.9, 50).passed
    assert at_most("memory", "peak", 22, 22).passed
    assert not at_most("memory", "peak", 22.1, 22).passed


@pytest.mark.parametrize(("device", "goal"), [("NVIDIA L4", 50), ("NVIDIA H200", 200), ("NVIDIA H100 80GB HBM3", 200)])
def test_each_gpu_has_a_goal(device: str, goal: float) -> None:
    assert goal_photos_per_s(device) == goal


def test_the_exit_status_says_what_was_proven() -> None:
    good, bad = at_least("p", "n", 1, 1), at_least("p", "n", 0, 1)
    skipped = Figure(part="p", name="n", skipped="no time left")
    assert exit_status([good, skipped], has_gpu=True) == ALL_PASSED == 0
    assert exit_status([good, bad], has_gpu=True) == SOME_FAILED
    assert exit_status([good], has_gpu=False) == NO_GPU
    assert exit_status([bad], has_gpu=False) == SOME_FAILED


def test_what_bounds_the_analysis() -> None:
    threads = {"fetch": 4, "decode": 4, "analyse": 4, "commit": 8}
    shares = busy_shares(40, {"decode": 95, "analyse": 50, "detect": 10, "commit": 1}, threads)
    assert shares == pytest.approx({"decode": 0.95, "analyse": 0.5, "commit": 0.005})
    assert bound_by(shares, gpu_busy=0.3).startswith("decoding")
    assert bound_by(shares | {"analyse": 1.0}, gpu_busy=0.3).startswith("analysis on the CPU")
    assert bound_by(shares, gpu_busy=0.9) == "the GPU"


def test_the_report_says_why_something_was_not_measured() -> None:
    figures = [at_least("parity", "cosine", 0.99951, 0.999), Figure(part="decode", name="nvJPEG", skipped="not here")]
    table = as_table(figures).splitlines()
    assert table[1].split() == ["parity", "cosine", "0.9995", "≥", "0.999", "pass"]
    assert table[2].endswith("skipped  not here")
    assert (
        json.loads(json.dumps(as_json(figures, runtime={"device": "CPU"}, seconds=1)))["figures"][0]["passed"] is True
    )


def test_a_part_that_fails_costs_no_other() -> None:
    report = check.Report(minutes=8)

    def broken() -> list[Figure]:
        raise RuntimeError("CUDA failure 2: out of memory")

    report.add("memory cuda", broken)
    report.add("decode", lambda: [at_least("decode", "photos", 1, 1)])
    assert [figure.passed for figure in report.figures] == [False, True]
    assert report.figures[0].note == "RuntimeError: CUDA failure 2: out of memory"


def test_no_part_begins_without_time() -> None:
    report = check.Report(minutes=0)
    report.add("memory cuda", lambda: pytest.fail("it began"))
    assert report.figures[0].skipped == "no time left"


def test_errors_and_cosines() -> None:
    rows = np.random.default_rng(0).normal(size=(3, 128)).astype(np.float32)
    np.testing.assert_allclose(parity.cosines(rows * 2, rows), 1)
    assert parity.relative_error(rows, rows) == 0
    assert parity.relative_error(rows * 1.01, rows) == pytest.approx(0.01, rel=1e-3)
    assert parity.relative_error(rows * np.float32("nan"), rows) == float("inf")


def test_varying_photos_are_the_same_each_time_and_hardly_two_have_one_shape() -> None:
    content = simplejpeg.encode_jpeg(np.ascontiguousarray(cv2.resize(group(), (200, 150))), colorspace="BGR")
    first = [memory.cropped([content], number) for number in range(20)]
    assert first == [memory.cropped([content], number) for number in range(20)]
    shapes = {simplejpeg.decode_jpeg_header(photo)[:2] for photo in first}
    assert len(shapes) == 20


def test_nvjpeg_is_skipped_with_a_reason() -> None:
    if this_machine().device:
        pytest.skip("this machine has a GPU")
    assert speed.nvjpeg() in ("neither nvimgcodec nor torchvision is installed", "no CUDA device")


def test_what_is_carried_comes_back_from_its_parts(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "models").mkdir(parents=True)
    content = np.random.default_rng(0).bytes(300_000)
    (source / "models/one.onnx").write_bytes(content)
    files = pack.write_parts(source, tmp_path / "out", part_bytes=100_000)
    assert len(files) == 4
    assert all(file.stat().st_size <= 100_000 for file in files)
    whole = lzma.decompress(b"".join(file.read_bytes() for file in sorted((tmp_path / "out").iterdir())))
    with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
        member = archive.extractfile("./models/one.onnx")
        assert member is not None
        assert member.read() == content


@pytest.mark.parametrize("cuda", ["12", "13"])
def test_everything_that_is_carried_is_locked(cuda: str) -> None:
    lock = (ROOT / f"gpu_jobs/requirements-cuda{cuda}.txt").read_text(encoding="utf-8")
    chosen = pack.only(lock, pack.PACKAGES)
    assert chosen.count("==") >= len(pack.PACKAGES)
    assert "onnxruntime-gpu==" in chosen
    assert "google-cloud" not in chosen
    with pytest.raises(ValueError, match="has no torch"):
        pack.only(lock, frozenset({"torch"}))


@pytest.mark.timeout(600)  # about 10 s alone; what fails here would waste minutes of a lent GPU
def test_the_script_runs_on_the_cpu_and_says_that_there_is_no_gpu(
    tmp_path: Path, model_settings: ModelSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    if this_machine().device:
        pytest.skip("this machine has a GPU")
    picture = np.ascontiguousarray(cv2.resize(group(), (480, 320)))
    cv2.putText(picture, "1234", (300, 300), cv2.FONT_HERSHEY_SIMPLEX, 1.5, (255, 255, 255), 4)
    (tmp_path / "one.jpg").write_bytes(simplejpeg.encode_jpeg(picture, colorspace="BGR"))
    (tmp_path / "labels.json").write_text(json.dumps({"one.jpg": {"numbers": ["1234"]}}))
    arguments = [str(tmp_path), "--models", str(model_settings.models_dir), "--json", str(tmp_path / "report.json")]
    status = check.main([*arguments, "--threads", "1", "--only", "parity,decode,batches,shapes"])
    assert status == NO_GPU
    assert "no CUDA device: there is no NVIDIA driver here" in capsys.readouterr().out
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["runtime"]["device"] == "CPU"
    figures = {figure["name"]: figure for figure in report["figures"]}
    assert not [name for name, figure in figures.items() if figure["passed"] is False]
    assert figures["text_recognition: equal lines"]["value"] == 1
    assert figures["labelled numbers that are read"]["note"] == "of 1"
    parts = {figure["part"] for figure in report["figures"]}
    assert parts == {"GPU", "parity cpu", "decode", "batches cpu", "shapes cpu"}


def test_a_folder_without_photos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as refused:
        check.main([str(tmp_path)])
    assert refused.value.code == 2

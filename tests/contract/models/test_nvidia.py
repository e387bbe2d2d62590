"""What the job says of its GPU, and why one that was asked for cannot be used. Recorded words; no GPU is needed."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import onnxruntime as ort
import pytest

from photofinish.analysis.models import providers
from photofinish.analysis.models.nvidia import (
    CUDA,
    TENSORRT,
    NvidiaMachine,
    load_libraries,
    obstacle,
    this_machine,
)
from photofinish.analysis.models.providers import runtime_report, usable_providers
from photofinish.analysis.models.settings import ModelSettings
from photofinish.errors import Misconfigured

L4 = NvidiaMachine(driver="535.216.03", device="NVIDIA L4", memory_bytes=23034 * 2**20)
# What onnxruntime-gpu 1.26.0 prints where its libraries are not installed.
PRINTED = """\
Failed to load libcublasLt.so.12: libcublasLt.so.12: cannot open shared object file: No such file or directory
Failed to load /opt/nvidia/cudnn/lib/libcudnn.so.9: libz.so.1: cannot open shared object file: No such file or directory
Please follow https://onnxruntime.ai/docs/install/#cuda-and-cudnn to install CUDA and CuDNN.
"""


class PrintingRuntime:
    """Prints as onnxruntime-gpu does."""

    def __init__(self, printed: str) -> None:
        self.printed = printed

    def preload_dlls(self) -> None:
        print(self.printed, end="")


def test_cuda_12_runs_on_the_driver_of_cloud_runs_l4_and_cuda_13_does_not() -> None:
    assert obstacle(L4, cuda="12.8", missing=[]) is None
    refused = obstacle(L4, cuda="13.0", missing=[])
    assert refused is not None
    assert refused.startswith("the driver 535.216.03 is too old for CUDA 13.0, which needs 580 or newer")


@pytest.mark.parametrize(
    ("driver", "cuda", "runs"),
    [("524.99", "12.8", False), ("525.60.13", "12.8", True), ("579.1", "13.0", False), ("580.65.06", "13.0", True)],
)
def test_drivers_at_the_limit(driver: str, cuda: str, runs: bool) -> None:
    assert (obstacle(dataclasses.replace(L4, driver=driver), cuda=cuda, missing=[]) is None) is runs


def test_no_driver_and_no_device_come_before_missing_libraries() -> None:
    nothing = NvidiaMachine(problem="the driver 580.1 finds no GPU", driver="580.1")
    assert obstacle(nothing, cuda="12.8", missing=["libcudnn.so.9"]) == "the driver 580.1 finds no GPU"


def test_missing_libraries_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    missing = load_libraries(PrintingRuntime(PRINTED), [CUDA])
    assert missing == ["libcublasLt.so.12", "libcudnn.so.9"]
    assert capsys.readouterr().out == "", "standard output is not for libraries"
    assert "libcublasLt.so.12, libcudnn.so.9 cannot be loaded" in str(obstacle(L4, cuda="12.8", missing=missing))


def test_tensorrt_needs_its_own_libraries() -> None:
    if not load_libraries(PrintingRuntime(""), [TENSORRT]):
        pytest.skip("this machine has TensorRT")
    assert load_libraries(PrintingRuntime(""), [CUDA, TENSORRT]) == ["libnvinfer.so.10", "libnvonnxparser.so.10"]
    assert load_libraries(PrintingRuntime(""), [CUDA]) == []


def test_a_machine_without_a_driver_says_so() -> None:
    machine = this_machine()
    if machine.driver:
        pytest.skip("this machine has an NVIDIA driver")
    assert machine.problem is not None
    assert machine.problem.startswith("there is no NVIDIA driver here")
    assert machine.device is None


CUDA_DRIVER = """
int cuInit(unsigned flags) { return CUINIT; }
int cuDeviceGet(int *device, int ordinal) { *device = 7; return 0; }
int cuDriverGetVersion(int *version) { *version = 12020; return 0; }
int cuDeviceGetName(char *name, int length, int device) {
  __builtin_strcpy(name, device == 7 ? "NVIDIA L4" : "?");
  return 0;
}
int cuDeviceTotalMem_v2(unsigned long *bytes, int device) { *bytes = 24152899584UL; return 0; }
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
@pytest.mark.parametrize("cu_init", [0, 100])
def test_a_container_with_cuda_but_without_nvml(cu_init: int, tmp_path: Path) -> None:
    """With a driver library made here, in a process of its own."""
    if this_machine().driver:
        pytest.skip("this machine has an NVIDIA driver")
    (tmp_path / "cuda.c").write_text(CUDA_DRIVER)
    library = tmp_path / "libcuda.so.1"
    subprocess.run(
        ["cc", "-shared", "-fPIC", f"-DCUINIT={cu_init}", "-o", str(library), str(tmp_path / "cuda.c")], check=True
    )
    code = "from photofinish.analysis.models.nvidia import this_machine; print(repr(this_machine()))"
    environment = os.environ | {"LD_LIBRARY_PATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    if cu_init:
        assert "problem='the NVIDIA driver finds no GPU (CUDA error 100)'" in done.stdout
    else:
        assert done.stdout.strip() == repr(
            NvidiaMachine(driver_cuda="12.2", device="NVIDIA L4", memory_bytes=24152899584)
        )


def test_without_nvml_the_drivers_cuda_decides() -> None:
    known = NvidiaMachine(driver_cuda="12.2", device="NVIDIA L4", memory_bytes=1)
    assert obstacle(known, cuda="12.8", missing=[]) is None
    assert "made for CUDA 12.2, too old for 13.0" in str(obstacle(known, cuda="13.0", missing=[]))


def test_a_gpu_that_was_asked_for_is_never_replaced_by_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a runtime that has CUDA, as in the job's image, on a machine without a GPU."""
    monkeypatch.setattr(ort, "get_available_providers", lambda: [TENSORRT, CUDA, "CPUExecutionProvider"])
    monkeypatch.setattr(ort, "cuda_version", "12.8")
    monkeypatch.setattr(providers, "this_machine", lambda: NvidiaMachine(problem="there is no NVIDIA driver here (…)"))
    asked = ModelSettings(models_dir=Path("models"), providers=(CUDA, "CPUExecutionProvider"))
    with pytest.raises(Misconfigured, match=f"asks for {CUDA}, but there is no NVIDIA driver here"):
        usable_providers(asked)


def test_on_a_cpu_the_runtime_is_named() -> None:
    found = runtime_report(ModelSettings(models_dir=Path("models"), threads=3))
    assert found == {
        "onnxruntime": f"{ort.package_name} {ort.__version__}",
        "cuda": ort.cuda_version or None,
        "providers": ["CPUExecutionProvider"],
        "driver": None,
        "device": "CPU",
        "device_memory_mib": None,
        "threads": 3,
    }


def test_a_task_logs_its_runtime_in_one_line_before_it_takes_work(model_settings: ModelSettings) -> None:
    environment = {
        "PATH": "/usr/bin:/bin",
        "GOOGLE_CLOUD_PROJECT": "nowhere",
        "PHOTOFINISH_REGION": "local",
        "PHOTOFINISH_PHOTO_BUCKET": "photos",
        "PHOTOFINISH_DERIVED_BUCKET": "derived",
        "DATABASE_URL": "postgresql://127.0.0.1:9/nowhere",
        "STORAGE_EMULATOR_HOST": "http://127.0.0.1:9",
        "PUBSUB_EMULATOR_HOST": "127.0.0.1:9",
        "FIRESTORE_EMULATOR_HOST": "127.0.0.1:9",
        "PHOTOFINISH_MODELS_DIR": str(model_settings.models_dir),
    }
    command = [sys.executable, "-m", "photofinish_jobs"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as task:
        assert task.stderr is not None
        try:
            entry = json.loads(next(line for line in task.stderr if line.startswith("{")))
        finally:
            task.kill()
    assert entry["message"] == "runtime"
    assert entry["providers"] == ["CPUExecutionProvider"]
    assert entry["device"] == "CPU"

"""Runs the steps of both Dockerfiles in fresh virtual environments and starts every target: `make check-images`.

No container is needed. It takes minutes and about 6 GB of disk (CUDA and cuDNN), so it is not part of `make test`.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from photofinish_functions.function_specs import FUNCTIONS, FunctionSpec

ROOT = Path(__file__).parents[3]
COLD_START_S = 3.0
HTTP_ENVIRONMENT = {  # what the HTTP functions need in addition
    "DATABASE_URL": "host=127.0.0.1 port=5432 dbname=photofinish",
    "PHOTOFINISH_AWS_KEY_SECRET": "0" * 32,
    "PHOTOFINISH_TOKEN_SECRET": "1" * 32,
    "PHOTOFINISH_PEPPER": "2" * 32,
}
ENVIRONMENT = {
    "GOOGLE_CLOUD_PROJECT": "check-images",
    "PHOTOFINISH_REGION": "europe-west1",
    "PHOTOFINISH_PHOTO_BUCKET": "photos",
    "PHOTOFINISH_DERIVED_BUCKET": "derived",
    "PHOTOFINISH_THREADS": "1",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", type=Path, help="build in this folder and keep it")
    parser.add_argument("--cuda", choices=("12", "13"), nargs="+", default=["12"], help="of the job's image (12)")
    arguments = parser.parse_args()
    keep: Path | None = arguments.keep
    with tempfile.TemporaryDirectory(prefix="photofinish-images-") as temporary:
        work = (keep or Path(temporary)).absolute()
        work.mkdir(parents=True, exist_ok=True)
        wheels, models = work / "wheels", work / "models"
        step("wheels", work / "build", wheels)
        step("models", work / "build", wheels, models)
        environment = clean_environment(PHOTOFINISH_MODELS_DIR=str(models))

        step("install", work / "functions", ROOT / "functions/requirements.txt", wheels)
        took_s = {spec.entry_point: start(spec, work / "functions", environment) for spec in FUNCTIONS}
        slow = [target for target, seconds in took_s.items() if seconds > COLD_START_S]
        check_command(work / "functions", environment)

        for cuda in arguments.cuda:
            venv = work / f"gpu_jobs-cuda{cuda}"
            step("install", venv, ROOT / f"gpu_jobs/requirements-cuda{cuda}.txt", wheels)
            check_job(venv, environment)
    if slow:
        print(f"started in more than {COLD_START_S} s: {', '.join(slow)}")
    return 1 if slow else 0


def step(name: str, *arguments: Path) -> None:
    """One step of functions/image.sh, as the Dockerfiles run it."""
    began = time.monotonic()
    run([str(ROOT / "functions/image.sh"), name, *map(str, arguments)], clean_environment())
    print(f"{name:8} {arguments[0].name:10} {time.monotonic() - began:7.1f} s", flush=True)


def start(spec: FunctionSpec, venv: Path, environment: dict[str, str]) -> float:
    """Start one function as its container does; return the seconds until its first response."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    target, is_http = spec.entry_point, spec.signature == "http"
    settings = environment | {"FUNCTION_TARGET": target, "FUNCTION_SOURCE": str(ROOT / "functions/main.py")}
    settings |= {"HOST": "127.0.0.1", "PORT": str(port)} | (HTTP_ENVIRONMENT if is_http else {})
    command = [str(venv / "bin/gunicorn"), "--config", "python:photofinish_functions.gunicorn_config"]
    began = time.monotonic()
    with process(command, settings) as child:
        status = first_answer(child, port, deadline=began + 60)
        took_s = time.monotonic() - began
        if is_http:
            expected = {400, 401, 404, 405}  # no key
        else:
            expected = {200, 204}  # a deletion: nothing to do
            if target != "on_object_finalized":
                expected = {200, 204, 400, 405, 500}  # these need the cloud: any response is enough
        if status not in expected:
            raise SystemExit(f"{target} responded with {status}, expected one of {sorted(expected)}")
    print(f"started  {target:22} {took_s:6.2f} s, status {status}", flush=True)
    return took_s


def first_answer(child: subprocess.Popen[bytes], port: int, *, deadline: float) -> int:
    """Send a Pub/Sub message (the deletion of an object) until the function listens; return the response status."""
    notification = {
        "message": {
            "messageId": "1",
            "publishTime": "2026-01-01T00:00:00Z",
            "attributes": {"eventType": "OBJECT_DELETE"},
            "data": "",
        },
        "subscription": "projects/check-images/subscriptions/on-object-finalized",
    }
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise SystemExit(f"the function ended with status {child.returncode} before it listened")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request("POST", "/", json.dumps(notification), {"Content-Type": "application/json"})
            return connection.getresponse().status
        except ConnectionRefusedError:
            time.sleep(0.02)
        finally:
            connection.close()
    raise SystemExit("the function did not listen within a minute")


def check_command(venv: Path, environment: dict[str, str]) -> None:
    """The migration job runs `photofinish migrate` in the functions' image: the command must work there."""
    run([str(venv / "bin/photofinish"), "migrate", "--help"], environment)
    run([str(venv / "bin/photofinish"), "models", "verify"], environment)
    print("started  photofinish migrate --help", flush=True)


def check_job(venv: Path, environment: dict[str, str]) -> None:
    """The job reports missing settings, loads its models on the CPU, and refuses CUDA without a GPU."""
    python = str(venv / "bin/python")
    unset = {name: value for name, value in environment.items() if name not in ENVIRONMENT}
    refused = subprocess.run(
        [python, "-m", "photofinish_jobs"], env=unset, capture_output=True, text=True, timeout=120, check=False
    )
    if refused.returncode != 3 or "GOOGLE_CLOUD_PROJECT" not in refused.stderr:
        raise SystemExit(f"the job without settings ended with {refused.returncode}:\n{refused.stderr}")
    load = "from photofinish.wiring import model_settings; from photofinish.analysis.analyzer import Analyzer; "
    load += "Analyzer.load(model_settings())"
    run([python, "-c", load], environment | {"PHOTOFINISH_ONNX_PROVIDERS": "CPUExecutionProvider"})
    if not Path("/dev/nvidia0").exists():
        on_cuda = environment | {"PHOTOFINISH_ONNX_PROVIDERS": "CUDAExecutionProvider,CPUExecutionProvider"}
        refused = subprocess.run(
            [python, "-c", load], env=on_cuda, capture_output=True, text=True, timeout=120, check=False
        )
        if "there is no NVIDIA driver here" not in refused.stderr:
            raise SystemExit(f"without a GPU the job must refuse CUDA, but:\n{refused.stderr}")
    print("started  photofinish_jobs: settings checked, models loaded on the CPU", flush=True)


def clean_environment(**more: str) -> dict[str, str]:
    """The environment of a container: from this shell only the locations of programs and package registries."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "PIP_", "CARGO", "RUSTUP", "HTTP", "NO_PROXY", "SSL_", "http", "no_proxy")
    inherited = {name: value for name, value in os.environ.items() if name.startswith(kept)}
    return inherited | ENVIRONMENT | more


def run(command: Sequence[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\nended with {done.returncode}:\n{done.stdout}{done.stderr}")


@contextmanager
def process(command: Sequence[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with tempfile.TemporaryFile() as log:
        child = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=log)
        try:
            yield child
        except SystemExit:
            log.seek(0)
            sys.stderr.buffer.write(log.read())
            raise
        finally:
            child.terminate()
            child.wait(timeout=20)


if __name__ == "__main__":
    sys.exit(main())

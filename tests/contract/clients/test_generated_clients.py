"""Clients that widely used generators make of the OpenAPI document import, compile, and work against the real API."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from photofinish.analysis.models.face_encoder import FaceEncoder
from photofinish.domain.photo import PhotoStatus
from support.api import Api, selfie_of_astronaut
from support.faces import bib, photo
from support.http_server import served
from support.index import add
from support.pictures import astronaut

ROOT = Path(__file__).parents[3]
CLIENTS = ROOT / "tests/clients"
GENERATORS = ROOT / ".venv-clients/bin"
DEADLINE_S = 300


@pytest.fixture
def url(api: Api, encoder: FaceEncoder) -> Iterator[str]:
    """The address of the API, over an album of two photos."""
    [faces] = encoder.encode([astronaut()])
    add(api.cloud.index, photo("race/1.jpg"), faces, [bib("42", face_index=0)])
    add(api.cloud.index, photo("race/2.jpg"), [], [])
    face = {"face_id": "f", "box": faces[0].box.by_name, "detection_score": 0.9, "sharpness": 0.5, "quality": 0.8}
    for name in ("race/1.jpg", "race/2.jpg"):
        api.cloud.documents.record_final(photo(name), PhotoStatus.DONE, {"faces": [face]})
    with served(api.app) as address:
        yield address


@pytest.fixture
def document(url: str, api: Api, tmp_path: Path) -> Path:
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(api.client.get("/v1/openapi.json", base_url=url).get_json()))
    return path


@pytest.fixture
def selfie(tmp_path: Path) -> Path:
    path = tmp_path / "selfie.jpg"
    path.write_bytes(selfie_of_astronaut())
    return path


def run(*command: Any, cwd: Path, **environment: str) -> str:
    """Run a command; fail with what it wrote. Returns that, and everything it wrote to stderr."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={"PATH": f"{GENERATORS}:/usr/local/bin:/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, f"{' '.join(str(part) for part in command)} failed:\n{said[-8000:]}"
    return said


@pytest.mark.timeout(DEADLINE_S)
@pytest.mark.skipif(
    not (GENERATORS / "openapi-python-client").exists(),
    reason="openapi-python-client is not installed: run `make .venv-clients/.ready`",
)
def test_a_python_client(document: Path, url: str, api: Api, selfie: Path, tmp_path: Path) -> None:
    generated = tmp_path / "generated"
    said = run(
        *(GENERATORS / "openapi-python-client", "generate", "--path", document, "--meta", "none"),
        *("--output-path", generated / "photofinish_client", "--config", CLIENTS / "openapi-python-client.yml"),
        cwd=tmp_path,
    )
    assert "Warning" not in said, f"the generator left out what it does not understand:\n{said}"
    run(GENERATORS / "python", "-m", "compileall", "-q", generated, cwd=tmp_path)
    run(GENERATORS / "python", "-c", _IMPORT_EVERYTHING, cwd=generated)
    smoke = run(
        GENERATORS / "python", CLIENTS / "api_smoke.py", url, api.key, selfie, cwd=tmp_path, PYTHONPATH=str(generated)
    )
    assert smoke == "ok\n"


@pytest.mark.timeout(DEADLINE_S)
@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
@pytest.mark.skipif(
    not (CLIENTS / "node_modules/openapi-typescript").is_dir(),
    reason="openapi-typescript is not installed: run `npm ci` in tests/clients",
)
def test_a_typescript_client(document: Path, url: str, api: Api, selfie: Path, tmp_path: Path) -> None:
    node = shutil.which("node")
    assert node is not None
    (tmp_path / "node_modules").symlink_to(CLIENTS / "node_modules")
    shutil.copy(CLIENTS / "api_smoke.mts", tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    programs = CLIENTS / "node_modules"
    run(node, programs / "openapi-typescript/bin/cli.js", document, "--output", "api_schema.d.ts", cwd=tmp_path)
    options = ("--strict", "--target", "es2022", "--module", "nodenext", "--types", "node")
    run(node, programs / "typescript/bin/tsc", *options, "api_smoke.mts", cwd=tmp_path)
    assert run(node, "api_smoke.mjs", url, api.key, selfie, cwd=tmp_path) == "ok\n"


_IMPORT_EVERYTHING = """
import importlib, pkgutil, photofinish_client
for module in pkgutil.walk_packages(photofinish_client.__path__, "photofinish_client."):
    importlib.import_module(module.name)
"""

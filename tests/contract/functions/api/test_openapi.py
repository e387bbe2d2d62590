"""The OpenAPI document is complete and valid, and the running application conforms to it."""

from __future__ import annotations

import ast
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from photofinish.analysis.models.face_encoder import FaceEncoder
from photofinish.domain.photo import PhotoStatus, StoredPhoto
from photofinish_functions.api.error_codes import MESSAGES, every_code
from photofinish_functions.api.patterns import SENTENCES
from support.api import ORIGIN, Api, error_of, files, running_api, write_key_file
from support.faces import bib, embedding, face, photo
from support.http_server import served
from support.index import add
from support.openapi_document import document as document_of_routes
from support.postgres import fresh_database

ROOT = Path(__file__).parents[4]
# Of photos in the bucket; of start lists, uploads and videos of the command; of the Rekognition protocol.
NOT_ANSWERED = {
    "bad_start_list",
    "frame_rate_too_high",
    "internal_error",
    "name_taken",
    "no_video_stream",
    "not_a_video",
    "not_as_announced",
    "not_found",
    "opted_out",
    "upload_refused",
    "user_exists",
    "video_codec_not_supported",
    "video_encrypted",
    "video_too_long",
}
OPEN = {
    ("GET", "/v1/health"),
    ("GET", "/v1/ready"),
    ("GET", "/v1/openapi.json"),
    ("GET", "/v1/pictures/{link}"),
    ("GET", "/v1/downloads/{token}"),
    ("GET", "/v1/subscription-links/{link}"),
    ("POST", "/v1/subscription-links/{link}"),
    ("POST", "/v1/shares/open"),
    ("POST", "/v1/sessions"),
}
# `make fuzz-api` sets more, and a new seed each time.
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "2"))
SEED = os.environ.get("FUZZ_SEED", "20260501")


@contextmanager
def api_with_an_album(encoder: FaceEncoder, folder: Path) -> Iterator[Api]:
    with pytest.MonkeyPatch.context() as patch, fresh_database() as conninfo:
        patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(write_key_file(folder)))
        with running_api(conninfo, encoder, patch.setenv) as made:
            ref = photo("spring-10k/cam 2/IMG_1.jpg")
            add(made.cloud.index, ref, [face(embedding([1, 0, 0]))], [bib("1234", face_index=0)])
            now = datetime.now(UTC)
            stored = StoredPhoto(ref=ref, size_bytes=1, content_type="image/jpeg", uploaded_at=now)
            made.cloud.documents.record_queued(stored, event_at=now, trace_id="t")
            made.cloud.documents.record_final(ref, PhotoStatus.DONE, {"bib_numbers": ["1234"]})
            yield made


@pytest.fixture(scope="module")
def running(encoder: FaceEncoder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One application with an album, for all tests of this module."""
    with api_with_an_album(encoder, tmp_path_factory.mktemp("key")) as made:
        yield made


@pytest.fixture(scope="module")
def document(running: Api) -> dict[str, Any]:
    answer = running.client.get("/v1/openapi.json")
    assert answer.mimetype == "application/json"
    found: dict[str, Any] = answer.get_json()
    return found


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def validate(example: Any, schema: dict[str, Any], document: dict[str, Any]) -> None:
    Draft202012Validator({"components": document["components"]} | schema).validate(example)


def codes_in_the_source() -> set[str]:
    """The codes with which our code refuses requests and pictures, wherever an API route may reach it."""
    return codes_in(
        ROOT / "shared/photofinish", ROOT / "functions/photofinish_functions", without=("rekognition", "live")
    )


def codes_in(*folders: Path, without: tuple[str, ...] = ()) -> set[str]:
    found = set()
    for folder in folders:
        for path in folder.rglob("*.py"):
            if set(without) & set(path.relative_to(folder).parts):
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                match node:
                    case ast.Call(func=ast.Name(id="RejectedInput" | "Conflict"), args=[code, *_]):
                        found |= constants(code)
                    case ast.Call(func=ast.Name(id="Refused"), args=[_, code, *_]):
                        found |= constants(code)
                    case ast.Call(func=ast.Attribute(attr="__init__"), args=[ast.Constant(int()), code, *_]):
                        found |= constants(code)
                    case ast.Assign(targets=[ast.Name(id="code")], value=code):
                        found |= constants(code)
    return found


def constants(expression: ast.expr) -> set[str]:
    match expression:
        case ast.Constant(str(text)):
            return {text}
        case ast.IfExp(body=body, orelse=other):
            return constants(body) | constants(other)
        case _:
            return set()


def everywhere(value: Any) -> Iterator[dict[str, Any]]:
    """Every object inside `value`."""
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from everywhere(part)


class TestDocument:
    def test_every_route_is_in_it_and_nothing_else(self, running: Api, document: dict[str, Any]) -> None:
        there = {
            (method, rule.rule.replace("<", "{").replace(">", "}"))
            for rule in running.app.url_map.iter_rules()
            if rule.rule.startswith("/v1/") and not rule.rule.startswith("/v1/docs")  # the others are pages
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        }
        assert set(operations(document)) == there

    def test_every_operation_but_the_open_ones_takes_a_key(self, document: dict[str, Any]) -> None:
        for (method, path), operation in operations(document).items():
            takes = operation.get("security")
            assert (takes is None) == ((method, path) in OPEN), (method, path)
            assert takes is None or {name for way in takes for name in way} == set(
                document["components"]["securitySchemes"]
            )

    def test_every_operation_has_a_summary_and_a_name_of_its_own(self, document: dict[str, Any]) -> None:
        ids = [operation["operationId"] for operation in operations(document).values()]
        assert len(set(ids)) == len(ids)
        for (method, path), operation in operations(document).items():
            assert operation["summary"], (method, path)

    def test_every_reference_resolves(self, document: dict[str, Any]) -> None:
        for part in everywhere(document):
            if "$ref" in part:
                found: Any = document
                for name in part["$ref"].removeprefix("#/").split("/"):
                    assert name in found, part["$ref"]
                    found = found[name]

    def test_every_schema_is_valid_and_its_examples_match_it(self, document: dict[str, Any]) -> None:
        assert document["openapi"].startswith("3.1.")
        examples = 0
        for schema in document["components"]["schemas"].values():
            Draft202012Validator.check_schema(schema)
            for part in schema.get("properties", {}).values():
                if "example" in part:
                    Draft202012Validator({"components": document["components"]} | part).validate(part["example"])
                    examples += 1
        assert examples >= 5

    def test_every_answer_and_body_has_examples_that_match_its_schema(self, document: dict[str, Any]) -> None:
        for (method, path), operation in operations(document).items():
            parts = [operation["requestBody"]] if "requestBody" in operation else []
            for part in [*parts, *operation["responses"].values()]:
                for media in part.get("content", {}).values():
                    examples = [media["example"]] if "example" in media else []
                    examples += [one["value"] for one in media.get("examples", {}).values()]
                    assert examples, f"{method} {path} has a body without an example: {media}"
                    for example in examples:
                        validate(example, media["schema"], document)

    def test_examples_of_errors_have_the_code_of_their_name(self, document: dict[str, Any]) -> None:
        for part in everywhere(document["paths"]):
            for code, example in part.get("examples", {}).items() if "schema" in part else ():
                if set(example["value"]) == {"error"}:
                    assert example["value"]["error"]["code"] == code

    def test_every_error_code_of_the_code_is_in_it(self, document: dict[str, Any]) -> None:
        shown = {
            code
            for part in everywhere(document)
            if part.get("schema") == {"$ref": "#/components/schemas/ErrorAnswer"}
            for code in part["examples"]
        }
        assert shown == set(every_code())
        raised = codes_in_the_source() - NOT_ANSWERED
        assert raised == shown, "add new codes to error_codes.py, and to the routes that answer with them"

    def test_every_pattern_has_a_sentence(self, document: dict[str, Any]) -> None:
        for part in everywhere(document):
            if isinstance(part.get("pattern"), str):
                assert part["pattern"] in SENTENCES

    @pytest.mark.parametrize(
        ("base_url", "headers", "expected"),
        [
            ("http://127.0.0.1:8085", {}, "http://127.0.0.1:8085"),
            ("https://photos.example.org", {}, "https://photos.example.org"),
            ("http://api-abc.a.run.app", {"X-Forwarded-Proto": "https"}, "https://api-abc.a.run.app"),
            ("http://api-abc.a.run.app", {"X-Forwarded-Proto": "javascript"}, "http://api-abc.a.run.app"),
        ],
    )
    def test_the_server_is_the_address_that_the_caller_used(
        self, running: Api, base_url: str, headers: dict[str, str], expected: str
    ) -> None:
        answer = running.client.get("/v1/openapi.json", base_url=base_url, headers=headers)
        assert answer.get_json()["servers"] == [{"url": expected}]

    def test_examples_of_bodies_are_accepted(self, running: Api, document: dict[str, Any]) -> None:
        body = document["paths"]["/v1/albums/{album}/search"]["post"]["requestBody"]
        for name, one in body["content"]["application/json"]["examples"].items():
            assert running.search("spring-10k", **one["value"]).status_code == 200, name
        [rerank] = document["paths"]["/v1/rerank"]["post"]["requestBody"]["content"]["application/json"][
            "examples"
        ].values()
        assert running.call("POST", "/rerank", json=rerank["value"]).status_code == 200


ROWS = re.compile(r"^\| (\d{3}) \| (.*) \|$", re.MULTILINE)
LIVE_CODES = {"too_many_connections"}  # in the table of the API's errors, though the function `live` answers with them
SETTINGS = (
    "/access",
    "/bib-rules",
    "/budget",
    "/cameras",
    "/policy",
    "/opt-outs",
    "/webhooks",
)  # may be made before any photo comes, like people


def test_every_route_of_an_unknown_album_says_so(running: Api, document: dict[str, Any]) -> None:
    """Also those about people and photos, which cannot be known then; settings may be made before photos come."""
    ids = {"album": "nowhere", "photo_id": "0" * 32, "operation_id": "7", "number": "42"}
    uuid = "0c6f3b1e-8d4e-4b7a-9f43-0a5b8d1c2e3f"
    tried = 0
    for (method, path), operation in operations(document).items():
        is_setting = any(setting in path for setting in SETTINGS)
        if (
            "{album}" not in path
            or is_setting
            or operation["operationId"] in ("create_batch", "create_person", "set_album_card")
        ):
            continue
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("examples", {})
        sent = [{"json": example["value"]} for example in body.values()] or [{}]
        if operation["operationId"] == "compare_in_album":
            sent = [{"data": {"picture": files(b"x", b"x")}}]
        if operation["operationId"] == "search_words":
            sent = [{"query_string": {"q": "dog"}}]
        filled = re.sub(r"{(\w+)}", lambda name: ids.get(name[1], uuid), path.removeprefix("/v1"))
        for request in sent:
            answer = running.call(method, filled, **request)
            assert error_of(answer) == (404, "unknown_album"), (method, path, answer.get_json())
            tried += 1
    assert tried > 15


@pytest.mark.timeout(600 + 60 * EXAMPLES)
def test_the_application_conforms_to_it(encoder: FaceEncoder, tmp_path: Path) -> None:
    """All checks of schemathesis, with requests that the document allows and with others; the same ones for a seed."""
    with api_with_an_album(encoder, tmp_path) as api, served(api.app) as url:
        environment = {"PYTHONPATH": str(ROOT / "tests"), "API_KEY": api.key, "FUZZ_SEED": SEED}
        fuzzed = subprocess.run(
            [sys.executable, "-m", "support.openapi_fuzzer", url],
            env=os.environ | environment | {"FUZZ_EXAMPLES": str(EXAMPLES)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
    assert fuzzed.returncode == 0, fuzzed.stderr
    found = json.loads(fuzzed.stdout)
    print(f"seed {SEED}: {found['requests']} requests, sha256 {found['digest']}")
    assert not found["problems"], "\n\n".join(found["problems"])
    assert found["requests"] > 300


def test_allowed_origins_can_read_it(running: Api) -> None:
    answer = running.client.get("/v1/openapi.json", headers={"Origin": ORIGIN})
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN


def test_pictures_are_sent_as_documented(running: Api) -> None:
    answer = running.call("POST", "/embeddings", data={"picture": (io.BytesIO(b"no picture"), "a.jpg")})
    assert answer.status_code == 200
    [picture] = answer.get_json()["pictures"]
    assert picture["error"]["code"] == "not_a_picture"


def test_clients_are_generated_from_what_is_served(document: dict[str, Any]) -> None:
    served = {name: value for name, value in document.items() if name != "servers"}
    assert json.loads(json.dumps(document_of_routes())) == json.loads(json.dumps(served)), "`make clients` drifts"


def test_the_api_page_names_every_path(document: dict[str, Any]) -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    missing = [f"{method} {path}" for method, path in operations(document) if f"`{method} {path}`" not in text]
    assert not missing, f"docs/api.md does not mention {missing}"


def test_the_table_of_the_api_page_has_every_error_code_at_its_status() -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    rows = {int(status): set(re.findall(r"`([a-z]+(?:_[a-z]+)*)`", codes)) for status, codes in ROWS.findall(text)}
    missing = {status: missed for status, codes in MESSAGES.items() if (missed := set(codes) - rows.get(status, set()))}
    assert not missing, f"the table of errors in docs/api.md lacks {missing}"
    ours = set(every_code()) | LIVE_CODES
    unknown = {status: more for status, codes in rows.items() if (more := codes - ours)}
    assert not unknown, f"the table of errors in docs/api.md has codes that nothing answers with: {unknown}"


def test_every_error_code_of_live_streams_is_documented() -> None:
    text = "".join((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("api.md", "events.md"))
    assert codes_in(ROOT / "functions/photofinish_functions/live") >= LIVE_CODES
    missing = {code for code in codes_in(ROOT / "functions/photofinish_functions/live") if f"`{code}`" not in text}
    assert not missing, f"docs/api.md and docs/events.md do not mention {missing}"

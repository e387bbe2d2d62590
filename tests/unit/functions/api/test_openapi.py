"""The OpenAPI document is complete and valid, and the running application conforms to it."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import schemathesis.engine
from flask import Flask
from jsonschema import Draft202012Validator
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished
from werkzeug.serving import make_server

from photofinish.analysis.models.face_encoder import FaceEncoder
from photofinish.domain.photo import PhotoStatus, StoredPhoto
from support.api import ORIGIN, Api, running_api, write_key_file
from support.faces import bib, embedding, face, photo
from support.index import add
from support.postgres import fresh_database

OPEN = {"/v1/health", "/v1/ready", "/v1/openapi.json"}
CONFIG = {
    "seed": 20260501,
    "generation": {"mode": "all", "max-examples": 4},
    "phases": {"stateful": {"enabled": False}},
    # What a schema cannot express (a day that does not exist, a picture without a face) is answered with 422, and a
    # conflict with 409.
    "checks": {
        "positive_data_acceptance": {"expected-statuses": ["2xx", "404", "409", "413", "422"]},
        "negative_data_rejection": {"expected-statuses": ["400", "404", "405", "413", "415", "422"]},
    },
}


@pytest.fixture(scope="module")
def running(encoder: FaceEncoder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One application with an album, for all tests of this module."""
    with pytest.MonkeyPatch.context() as patch, fresh_database() as conninfo:
        patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(write_key_file(tmp_path_factory.mktemp("key"))))
        with running_api(conninfo, encoder, patch.setenv) as made:
            ref = photo("spring-10k/cam 2/IMG_1.jpg")
            add(made.cloud.index, ref, [face(embedding([1, 0, 0]))], [bib("1234", face_index=0)])
            now = datetime.now(UTC)
            stored = StoredPhoto(ref=ref, size_bytes=1, content_type="image/jpeg", uploaded_at=now)
            made.cloud.documents.record_queued(stored, event_at=now, trace_id="t")
            made.cloud.documents.record_final(ref, PhotoStatus.DONE, {"bib_numbers": ["1234"]})
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
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        }
        assert set(operations(document)) == there

    def test_every_operation_but_three_takes_a_key(self, document: dict[str, Any]) -> None:
        for (method, path), operation in operations(document).items():
            takes = operation.get("security")
            assert (takes is None) == (path in OPEN), (method, path)
            assert takes is None or {name for way in takes for name in way} == set(
                document["components"]["securitySchemes"]
            )

    def test_every_operation_has_a_summary_and_its_errors(self, document: dict[str, Any]) -> None:
        ids = [operation["operationId"] for operation in operations(document).values()]
        assert len(set(ids)) == len(ids)
        for (method, path), operation in operations(document).items():
            assert operation["summary"], (method, path)
            errors = {"400", "500", "503"} if path in OPEN else {"400", "401", "403", "404", "429", "500", "503"}
            assert errors <= set(operation["responses"]), (method, path)
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    schema = answer["content"]["application/json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/ErrorAnswer"}

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

    def test_examples_of_answers_and_bodies_match_their_schemas(self, document: dict[str, Any]) -> None:
        seen = 0
        for part in everywhere(document["paths"]):
            if "example" in part and "$ref" in part.get("schema", {}):
                Draft202012Validator({"components": document["components"]} | part["schema"]).validate(part["example"])
                seen += 1
        assert seen > 20

    def test_examples_of_bodies_are_accepted(self, running: Api, document: dict[str, Any]) -> None:
        body = document["paths"]["/v1/albums/{album}/search"]["post"]["requestBody"]
        for name, one in body["content"]["application/json"]["examples"].items():
            assert running.search("spring-10k", **one["value"]).status_code == 200, name
        rerank = document["paths"]["/v1/rerank"]["post"]["requestBody"]["content"]["application/json"]["example"]
        assert running.call("POST", "/rerank", json=rerank).status_code == 200


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serve the application by a real HTTP server; gives its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


@pytest.mark.timeout(180)
def test_the_application_conforms_to_it(running: Api) -> None:
    """All checks of schemathesis, with requests that the document allows and with others."""
    config = schemathesis.Config.from_dict(CONFIG | {"headers": {"X-Api-Key": running.key}})
    requests = 0
    problems: set[str] = set()
    with served(running.app) as url:
        schema = schemathesis.openapi.from_url(f"{url}/v1/openapi.json", config=config)
        for event in schemathesis.engine.from_schema(schema).execute():
            if isinstance(event, ScenarioFinished):
                requests += len(event.recorder.interactions)
                problems |= {
                    f"{event.recorder.label}: {check.failure_info.failure}\n{check.failure_info.code_sample}"
                    for checks in event.recorder.checks.values()
                    for check in checks
                    if check.failure_info is not None
                }
            elif isinstance(event, NonFatalError | FatalError):
                problems.add(str(event))
    assert not problems, "\n\n".join(sorted(problems))
    assert requests > 300


def test_allowed_origins_can_read_it(running: Api) -> None:
    answer = running.client.get("/v1/openapi.json", headers={"Origin": ORIGIN})
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN


def test_pictures_are_sent_as_documented(running: Api) -> None:
    answer = running.call("POST", "/embeddings", data={"picture": (io.BytesIO(b"no picture"), "a.jpg")})
    assert answer.status_code == 200
    [picture] = answer.get_json()["pictures"]
    assert picture["error"]["code"] == "not_a_picture"


def test_the_api_page_names_every_path(document: dict[str, Any]) -> None:
    text = (Path(__file__).parents[4] / "docs" / "api.md").read_text(encoding="utf-8")
    missing = [f"{method} {path}" for method, path in operations(document) if f"`{method} {path}`" not in text]
    assert not missing, f"docs/api.md does not mention {missing}"

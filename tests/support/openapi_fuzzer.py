"""Calls an API with what its OpenAPI document allows, and with what it does not: a process of its own.

    python -m support.openapi_fuzzer URL

Hypothesis draws constants from the modules that a process has imported, and repeats failures that it remembers. Here
nothing else is imported and nothing remembered, so a seed gives the same requests in any order of tests, but for the
ids that the application gave. The environment has API_KEY, FUZZ_SEED and FUZZ_EXAMPLES; the result is one JSON document
on standard output.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import uuid
from typing import Any

import schemathesis
import schemathesis.engine
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished

# Ids of the application, and boundaries of forms.
_WELL_FORMED_KEY = re.compile(r"[!-~]{1,255}")
_ALLOWED = ["2xx", "401", "404", "409", "413", "422"]
_REFUSED = ["400", "404", "405", "413", "415", "422"]
_RANDOM = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}|(?<=/keys/)[a-z2-7]{16}")


def _config(api_key: str, seed: int, examples: int) -> schemathesis.Config:
    return schemathesis.Config.from_dict(
        {
            "seed": seed,
            "headers": {"X-Api-Key": api_key},
            "generation": {"mode": "all", "max-examples": examples, "database": "none"},
            "phases": {"stateful": {"enabled": False}},
            # What a schema cannot express (a day that does not exist, a picture without a face) is answered with 422,
            # and a conflict with 409; credentials in a body, which are none, with 401.
            "checks": {
                "positive_data_acceptance": {"expected-statuses": _ALLOWED},
                "negative_data_rejection": {"expected-statuses": _REFUSED},
            },
            # By default an album offers no opting out by oneself, and says so before it reads the request.
            "operations": [
                {
                    "include-operation-id": "opt_out_myself",
                    "checks": {
                        "positive_data_acceptance": {"expected-statuses": [*_ALLOWED, "403"]},
                        "negative_data_rejection": {"expected-statuses": [*_REFUSED, "403"]},
                    },
                }
            ],
        }
    )


@schemathesis.hook
def before_call(_: schemathesis.HookContext, case: schemathesis.Case, __: dict[str, Any]) -> None:
    """Give each request a key of its own: one that was sent with another body is refused. Never revoke our own."""
    if (case.path_parameters or {}).get("key_id") == _own_key_id():
        case.path_parameters["key_id"] = "a" * 16
    key = (case.headers or {}).get("Idempotency-Key")
    if key is not None and _WELL_FORMED_KEY.fullmatch(key):
        case.headers["Idempotency-Key"] = uuid.uuid4().hex


def _own_key_id() -> str:
    return os.environ["API_KEY"].split("_")[1]


def fuzz(url: str, config: schemathesis.Config) -> dict[str, Any]:
    """The number of requests, a digest of them, and what is wrong with the answers."""
    sent: list[str] = []
    problems: set[str] = set()
    schema = schemathesis.openapi.from_url(f"{url}/v1/openapi.json", config=config)
    for event in schemathesis.engine.from_schema(schema).execute():
        if isinstance(event, ScenarioFinished):
            requests = [interaction.request for interaction in event.recorder.interactions.values()]
            sent += [f"{request.method} {request.uri.removeprefix(url)} {request.body!r}" for request in requests]
            problems |= {
                f"{event.recorder.label}: {check.failure_info.failure}\n{check.failure_info.code_sample}"
                for checks in event.recorder.checks.values()
                for check in checks
                if check.failure_info is not None
            }
        elif isinstance(event, NonFatalError | FatalError):
            problems.add(str(event))
    told = "\n".join(sorted(_RANDOM.sub("…", request) for request in sent))
    digest = hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()
    return {"requests": len(sent), "digest": digest, "problems": sorted(problems)}


if __name__ == "__main__":
    config = _config(os.environ["API_KEY"], int(os.environ["FUZZ_SEED"]), int(os.environ["FUZZ_EXAMPLES"]))
    json.dump(fuzz(sys.argv[1], config), sys.stdout)

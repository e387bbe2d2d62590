"""What gunicorn serves: the function, and whether it is ready."""

from __future__ import annotations

import os
from http import HTTPStatus

import functions_framework
from flask import Flask

from photofinish import wiring
from photofinish.settings import DatabaseSettings
from photofinish_functions.function_specs import FUNCTIONS

READY_PATH = "/ready"
"""Cloud Run's startup probe asks here before it sends requests (terraform/modules/function-service)."""


def create_app() -> Flask:
    """Return the application of the function that FUNCTION_TARGET names."""
    app: Flask = functions_framework.create_app()  # type: ignore[no-untyped-call]
    app.add_url_rule(READY_PATH, "ready", _ready, methods=["GET"])
    return app


def _ready() -> tuple[dict[str, str], HTTPStatus]:
    """Answer 200 as soon as the function can work: at once, or when its database answers.

    This is not liveness: an instance that loses its database later must not be ended, since another would not have it.
    """
    target = os.environ.get("FUNCTION_TARGET")
    [spec] = [spec for spec in FUNCTIONS if spec.entry_point == target]
    if DatabaseSettings in spec.settings and not wiring.app().database_answers():
        return {"status": "unavailable"}, HTTPStatus.SERVICE_UNAVAILABLE
    return {"status": "ok"}, HTTPStatus.OK

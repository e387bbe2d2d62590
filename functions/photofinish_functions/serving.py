"""What gunicorn serves: the function, and whether it is ready."""

from __future__ import annotations

import os
from http import HTTPStatus
from typing import TYPE_CHECKING

import functions_framework
from flask import Flask

from photofinish import wiring
from photofinish.settings import DatabaseSettings
from photofinish_functions.function_specs import FUNCTIONS, READY_PATH

if TYPE_CHECKING:
    from starlette.applications import Starlette

LIVE = "live"
"""The one function that is an ASGI application: connections stay open, and a thread for each would be too much."""


def create_app() -> Flask | Starlette:
    """Return the application of the function that FUNCTION_TARGET names."""
    if os.environ.get("FUNCTION_TARGET") == LIVE:
        from photofinish_functions.live.app import create_live_app

        return create_live_app(READY_PATH, _is_ready)
    app: Flask = functions_framework.create_app()  # type: ignore[no-untyped-call]
    app.add_url_rule(READY_PATH, "ready", _ready, methods=["GET"])
    return app


def _ready() -> tuple[dict[str, str], HTTPStatus]:
    if _is_ready():
        return {"status": "ok"}, HTTPStatus.OK
    return {"status": "unavailable"}, HTTPStatus.SERVICE_UNAVAILABLE


def _is_ready() -> bool:
    """Whether the function can work: at once, or when its database answers.

    This is not liveness: an instance that loses its database later must not be ended, since another would not have it.
    """
    target = os.environ.get("FUNCTION_TARGET")
    [spec] = [spec for spec in FUNCTIONS if spec.entry_point == target]
    if "sentence_embedding" in spec.models:
        _ = wiring.app().text_space  # loads for a second, which no search is to wait for
    return DatabaseSettings not in spec.settings or wiring.app().database_answers()

"""Prints the API's OpenAPI document, as a deployment serves it: `python -m support.openapi_document` in `tests/`.

Nothing runs for that: the document follows from the routes.
"""

from __future__ import annotations

import json
from typing import Any

from flask_openapi3.openapi import OpenAPI

from photofinish.settings import Settings
from photofinish.wiring import App
from photofinish_functions.api.app import make_app
from photofinish_functions.api.document import complete_document

SETTINGS = {
    "GOOGLE_CLOUD_PROJECT": "photofinish",
    "PHOTOFINISH_REGION": "local",
    "PHOTOFINISH_PHOTO_BUCKET": "photos",
    "PHOTOFINISH_DERIVED_BUCKET": "derived",
}


def app_without_services() -> OpenAPI:
    """The application, which answers only what needs neither a key nor a service."""

    def no_gate() -> Any:
        raise AssertionError("no request with a key is answered")

    return make_app(App(Settings.from_env(**SETTINGS)), no_gate)


def document() -> dict[str, Any]:
    """The document without `servers`, which name where it was read."""
    app = app_without_services()
    return complete_document(app.api_doc, app)


if __name__ == "__main__":
    print(json.dumps(document(), indent=1, ensure_ascii=False, sort_keys=True))

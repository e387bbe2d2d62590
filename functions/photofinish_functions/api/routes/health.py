"""Liveness, readiness and the OpenAPI document."""

from __future__ import annotations

from typing import Any

from flask import current_app, request
from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field

from photofinish.wiring import App
from photofinish_functions.api.document import complete_document, server_of
from photofinish_functions.api.error_codes import fails_with
from photofinish_functions.api.guarding import open_to_all
from photofinish_functions.api.schemas import Output, example, new_blueprint

_ANY_ALBUM = "default"
_MADE = "photofinish-openapi"


class Health(Output):
    status: str = Field(json_schema_extra=example("ok"))


def blueprint(services: App) -> APIBlueprint:
    api = new_blueprint("service", "The service itself. These routes need no key.", needs_key=False)

    @api.get("/health", responses={200: Health})
    @open_to_all("health")
    def health() -> dict[str, str]:
        """Check that the process is alive."""
        return {"status": "ok"}

    @api.get("/ready", responses={200: Health})
    @open_to_all("ready")
    @fails_with("unavailable")
    def ready() -> dict[str, str]:
        """Check that the database answers; 503 if it does not."""
        services.index.has_album(_ANY_ALBUM)
        return {"status": "ok"}

    @api.get(
        "/openapi.json",
        responses={
            200: {"description": "OpenAPI 3.1", "content": {"application/json": {"schema": {"type": "object"}}}}
        },
    )
    @open_to_all("openapi")
    def openapi() -> dict[str, Any]:
        """Return this document."""
        return _document() | {"servers": [{"url": server_of(request)}]}

    return api


def _document() -> dict[str, Any]:
    """The document of the current application; made once."""
    extensions = current_app.extensions
    if _MADE not in extensions:
        extensions[_MADE] = complete_document(current_app.api_doc, current_app)  # type: ignore[attr-defined]
    made: dict[str, Any] = extensions[_MADE]
    return made

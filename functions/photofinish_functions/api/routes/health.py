"""Liveness, readiness and the OpenAPI document."""

from __future__ import annotations

from typing import Any

from flask import current_app
from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field

from photofinish_functions.api.guarding import open_to_all
from photofinish_functions.api.schemas import Output, example, new_blueprint
from photofinish_functions.api.services import Services

_ANY_ALBUM = "default"


class Health(Output):
    status: str = Field(json_schema_extra=example("ok"))


def blueprint(services: Services) -> APIBlueprint:
    api = new_blueprint("service", "The service itself. These routes need no key.", needs_key=False)

    @api.get("/health", responses={200: Health})
    @open_to_all("health")
    def health() -> dict[str, str]:
        """Check that the process is alive."""
        return {"status": "ok"}

    @api.get("/ready", responses={200: Health})
    @open_to_all("ready")
    def ready() -> dict[str, str]:
        """Check that the database answers; 503 if it does not."""
        services.index.has_album(_ANY_ALBUM)
        return {"status": "ok"}

    @api.get("/openapi.json", responses={200: {"description": "OpenAPI 3.1"}})
    @open_to_all("openapi")
    def openapi() -> dict[str, Any]:
        """Return this document."""
        return current_app.api_doc  # type: ignore[attr-defined,no-any-return]

    return api

"""Models that describe themselves in the OpenAPI document."""

from __future__ import annotations

import functools
import json
from typing import Any

from pydantic import BaseModel


class Described(BaseModel):
    """A model whose JSON schema is made once: every route that answers with it asks for it while the API starts."""

    @classmethod
    def model_json_schema(cls, *args: Any, **options: Any) -> dict[str, Any]:
        """As pydantic's; a copy of its own for each caller, as flask-openapi3 changes what it gets."""
        schema: dict[str, Any] = json.loads(_schema(cls, *args, **options))
        return schema


@functools.cache
def _schema(model: type[Described], *args: Any, **options: Any) -> str:
    return json.dumps(super(Described, model).model_json_schema(*args, **options))

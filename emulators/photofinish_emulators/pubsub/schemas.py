"""google.pubsub.v1.SchemaService: every RPC is refused with the reason."""

from __future__ import annotations

from photofinish_emulators.common.serving import Method
from photofinish_emulators.pubsub.methods import methods, refuse

SERVICE = "google.pubsub.v1.SchemaService"
REASON = "Schemas are not served: messages are not checked here."
RESPONSES = {
    "CreateSchema": "Schema",
    "GetSchema": "Schema",
    "ListSchemas": "ListSchemasResponse",
    "ListSchemaRevisions": "ListSchemaRevisionsResponse",
    "CommitSchema": "Schema",
    "RollbackSchema": "Schema",
    "DeleteSchemaRevision": "Schema",
    "DeleteSchema": None,
    "ValidateSchema": "ValidateSchemaResponse",
    "ValidateMessage": "ValidateMessageResponse",
}


def schema_methods() -> dict[str, Method]:
    return methods({name: (refuse(REASON), f"{name}Request", response) for name, response in RESPONSES.items()})

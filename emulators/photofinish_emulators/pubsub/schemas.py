"""google.pubsub.v1.SchemaService: refused as a whole, with a sentence."""

from __future__ import annotations

from google.protobuf import empty_pb2

from photofinish_emulators.common.serving import Method
from photofinish_emulators.pubsub import protos
from photofinish_emulators.pubsub.rpc import refuse, unary

SERVICE = "google.pubsub.v1.SchemaService"
SENTENCE = "Schemas are not served: messages are not checked here."
CALLS = {
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


def methods() -> dict[str, Method]:
    """Each RPC of the service, answering UNIMPLEMENTED."""
    return {
        name: Method(
            unary(refuse(SENTENCE)),
            protos.request(f"{name}Request"),
            protos.request(answer) if answer else empty_pb2.Empty,
        )
        for name, answer in CALLS.items()
    }

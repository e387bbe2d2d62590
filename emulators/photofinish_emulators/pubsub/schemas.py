"""google.pubsub.v1.SchemaService, for Avro."""

from __future__ import annotations

from typing import Any

import grpc
from google.protobuf import empty_pb2

from photofinish_emulators.common.rpc_errors import invalid
from photofinish_emulators.common.serving import generic_handler
from photofinish_emulators.pubsub import protos
from photofinish_emulators.pubsub.limits import check_project
from photofinish_emulators.pubsub.methods import Call, methods
from photofinish_emulators.pubsub.paging import page
from photofinish_emulators.pubsub.schema_registry import SchemaRegistry

SERVICE = "google.pubsub.v1.SchemaService"
BASIC, FULL = 1, 2


class SchemaService:
    """The RPCs, one method each."""

    def __init__(self, registry: SchemaRegistry) -> None:
        self._registry = registry

    def handler(self) -> grpc.GenericRpcHandler:
        calls: dict[str, tuple[Call, str, str | None]] = {
            "CreateSchema": (self.create, "CreateSchemaRequest", "Schema"),
            "GetSchema": (self.get, "GetSchemaRequest", "Schema"),
            "ListSchemas": (self.list_schemas, "ListSchemasRequest", "ListSchemasResponse"),
            "ListSchemaRevisions": (
                self.list_revisions,
                "ListSchemaRevisionsRequest",
                "ListSchemaRevisionsResponse",
            ),
            "CommitSchema": (self.commit, "CommitSchemaRequest", "Schema"),
            "RollbackSchema": (self.roll_back, "RollbackSchemaRequest", "Schema"),
            "DeleteSchemaRevision": (self.delete_revision, "DeleteSchemaRevisionRequest", "Schema"),
            "DeleteSchema": (self.delete, "DeleteSchemaRequest", None),
            "ValidateSchema": (self.validate_schema, "ValidateSchemaRequest", "ValidateSchemaResponse"),
            "ValidateMessage": (self.validate_message, "ValidateMessageRequest", "ValidateMessageResponse"),
        }
        return generic_handler(SERVICE, methods(calls))

    async def create(self, request: Any) -> Any:
        check_project(request.parent)
        if not request.schema_id:
            raise invalid("The request must set schema_id.")
        return await self._registry.create(f"{request.parent}/schemas/{request.schema_id}", request.schema)

    async def get(self, request: Any) -> Any:
        return _shown(self._registry.revision(request.name), request.view or FULL)

    async def list_schemas(self, request: Any) -> Any:
        check_project(request.parent)
        prefix = request.parent + "/"
        names = (name for name in self._registry.by_name if name.startswith(prefix))
        chosen, token = page(names, request.page_size, request.page_token)
        listed = [_shown(self._registry.by_name[name][-1], request.view or BASIC) for name in chosen]
        return protos.named("ListSchemasResponse")(schemas=listed, next_page_token=token)

    async def list_revisions(self, request: Any) -> Any:
        """Newest first."""
        newest_first = reversed(self._registry.revisions(request.name))
        numbered = {f"{number:02}": revision for number, revision in enumerate(newest_first)}
        chosen, token = page(numbered, request.page_size, request.page_token)
        listed = [_shown(numbered[number], request.view or BASIC) for number in chosen]
        return protos.named("ListSchemaRevisionsResponse")(schemas=listed, next_page_token=token)

    async def commit(self, request: Any) -> Any:
        return await self._registry.commit(request.name, request.schema)

    async def roll_back(self, request: Any) -> Any:
        return await self._registry.roll_back(request.name, request.revision_id)

    async def delete_revision(self, request: Any) -> Any:
        return await self._registry.delete_revision(request.name)

    async def delete(self, request: Any) -> Any:
        await self._registry.delete(request.name)
        return empty_pb2.Empty()

    async def validate_schema(self, request: Any) -> Any:
        check_project(request.parent)
        self._registry.check(request.schema)
        return protos.named("ValidateSchemaResponse")()

    async def validate_message(self, request: Any) -> Any:
        check_project(request.parent)
        if request.WhichOneof("schema_spec") == "name":
            schema = self._registry.revision(request.name)
        else:
            schema = request.schema
            self._registry.check(schema)
        self._registry.check_message(schema, request.encoding, request.message)
        return protos.named("ValidateMessageResponse")()


def _shown(schema: Any, view: int) -> Any:
    if view == FULL:
        return schema
    return protos.Schema(
        name=schema.name,
        type_=schema.type_,
        revision_id=schema.revision_id,
        revision_create_time=schema.revision_create_time,
    )

"""Schemas with their revisions, and the check of published messages: https://docs.cloud.google.com/pubsub/docs/schemas"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from google.rpc import error_details_pb2

from photofinish_emulators.common.rpc_errors import Refused, failed_precondition, invalid, unimplemented
from photofinish_emulators.pubsub import protos
from photofinish_emulators.pubsub.errors import already_exists, not_found
from photofinish_emulators.pubsub.limits import check_name
from photofinish_emulators.pubsub.store import Store, now_us, written

MAX_DEFINITION_BYTES = 300 * 1024
MAX_REVISIONS = 20
DELETED_SCHEMA = "_deleted-schema_"
JSON, BINARY = 1, 2
NO_PROTOCOL_BUFFERS = "Schemas of type PROTOCOL_BUFFER are not served here, only AVRO."


class SchemaRegistry:
    """All schemas of the server: name → revisions, oldest first."""

    def __init__(self, store: Store) -> None:
        self.by_name: dict[str, list[Any]] = {}
        self._store = store
        self._parsed: dict[str, Any] = {}  # by definition
        for (stored,) in store.reader.execute("SELECT schema FROM schema_revision ORDER BY name, created_us"):
            schema = protos.Schema.FromString(stored)
            self.by_name.setdefault(schema.name, []).append(schema)

    def revisions(self, name: str) -> list[Any]:
        """Raises NOT_FOUND."""
        check_name(name, "schemas")
        if (found := self.by_name.get(name)) is None:
            raise not_found(name)
        return found

    def revision(self, name: str) -> Any:
        """The newest revision of ``name``, or the one of ``name@revision``."""
        name, _, revision_id = name.partition("@")
        revisions = self.revisions(name)
        if not revision_id:
            return revisions[-1]
        for revision in revisions:
            if revision.revision_id == revision_id:
                return revision
        raise not_found(f"{name}@{revision_id}")

    # Changing

    async def create(self, name: str, schema: Any) -> Any:
        check_name(name, "schemas")
        self.check(schema)
        if name in self.by_name:
            raise already_exists(name)
        self.by_name[name] = []
        return await self._append(name, schema)

    async def commit(self, name: str, schema: Any) -> Any:
        revisions = self.revisions(name)
        self.check(schema)
        if schema.type_ != revisions[-1].type_:
            raise invalid("The type of a schema cannot be changed by a revision.")
        return await self._append(name, schema)

    async def roll_back(self, name: str, revision_id: str) -> Any:
        """The revision becomes the newest one, as a copy."""
        if not revision_id:
            raise invalid("The request must set revision_id.")
        return await self._append(name, self.revision(f"{name}@{revision_id}"))

    async def delete_revision(self, name: str) -> Any:
        base, _, revision_id = name.partition("@")
        if not revision_id:
            raise invalid(f"Invalid resource name given (name={name}). It must name a revision: SCHEMA@REVISION.")
        revision = self.revision(name)
        revisions = self.by_name[base]
        if len(revisions) == 1:
            raise invalid("The only revision of a schema cannot be deleted: delete the schema.")
        revisions.remove(revision)
        await written(self._delete("name = ? AND revision_id = ?", base, revision_id))
        return revisions[-1]

    async def delete(self, name: str) -> None:
        self.revisions(name)
        del self.by_name[name]
        self._store.delete_policy(name)
        await written(self._delete("name = ?", name))

    async def _append(self, name: str, schema: Any) -> Any:
        revisions = self.by_name[name]
        if len(revisions) >= MAX_REVISIONS:
            raise failed_precondition(f"Schema {name} has {MAX_REVISIONS} revisions, and cannot have more.")
        created_us = now_us()
        new = protos.Schema(
            name=name, type_=schema.type_, definition=schema.definition, revision_id=secrets.token_hex(4)
        )
        new.revision_create_time.FromMicroseconds(created_us)
        revisions.append(new)
        await written(
            self._store.execute(
                "INSERT INTO schema_revision (name, revision_id, created_us, schema) VALUES (?, ?, ?, ?)",
                (name, new.revision_id, created_us, new.SerializeToString()),
            )
        )
        return new

    def _delete(self, where: str, *values: str) -> Future[None]:
        def write(db: sqlite3.Connection) -> None:
            db.execute(f"DELETE FROM schema_revision WHERE {where}", values)  # noqa: S608 - from this module only

        return self._store.submit(write)

    # Checking

    def check(self, schema: Any) -> None:
        """Raise INVALID_ARGUMENT for what is no schema, and UNIMPLEMENTED for protocol buffers."""
        if schema.type_ == protos.Schema.Type.PROTOCOL_BUFFER:
            raise unimplemented(NO_PROTOCOL_BUFFERS)
        if schema.type_ != protos.Schema.Type.AVRO:
            raise invalid("The type of the schema must be set.")
        if len(schema.definition.encode()) > MAX_DEFINITION_BYTES:
            raise invalid(f"The definition of a schema has at most {MAX_DEFINITION_BYTES} bytes.")
        self._parse(schema.definition)

    def check_message(self, schema: Any, encoding: int, data: bytes) -> None:
        """Raise INVALID_ARGUMENT, with the words of the service, unless the data conforms to the schema."""
        from photofinish_emulators.pubsub import avro_schemas

        if encoding not in (JSON, BINARY):
            raise invalid("The encoding of messages must be set: JSON or BINARY.")
        check: Callable[[Any, bytes], None] = avro_schemas.check_json if encoding == JSON else avro_schemas.check_binary
        try:
            check(self._parse(schema.definition), data)
        except avro_schemas.NotConforming as error:
            kind = "JSON" if encoding == JSON else "BINARY"
            raise _failed(f"INVALID_{kind}_AVRO_MESSAGE", str(error)) from error

    def check_settings(self, settings: Any) -> None:
        """Check what a topic says about its schema."""
        revisions = self.revisions(settings.schema)
        if settings.encoding not in (JSON, BINARY):
            raise invalid("schema_settings.encoding must be set: JSON or BINARY.")
        known = {revision.revision_id for revision in revisions} | {""}
        for revision_id in (settings.first_revision_id, settings.last_revision_id):
            if revision_id not in known:
                raise not_found(f"{settings.schema}@{revision_id}")

    def check_published(self, settings: Any, message: Any) -> None:
        """Check a message against the revisions that its topic allows, newest first, and note the one that fits."""
        if settings.schema not in self.by_name:
            raise failed_precondition("The schema of the topic was deleted.")
        ids = [revision.revision_id for revision in self.by_name[settings.schema]]
        first = ids.index(settings.first_revision_id) if settings.first_revision_id in ids else 0
        last = ids.index(settings.last_revision_id) if settings.last_revision_id in ids else len(ids) - 1
        refused: Refused | None = None
        for revision in reversed(self.by_name[settings.schema][first : last + 1]):
            try:
                self.check_message(revision, settings.encoding, message.data)
            except Refused as error:
                refused = refused or error
                continue
            message.attributes["googclient_schemaname"] = settings.schema
            message.attributes["googclient_schemaencoding"] = "JSON" if settings.encoding == JSON else "BINARY"
            message.attributes["googclient_schemarevisionid"] = revision.revision_id
            return
        raise refused or failed_precondition("The topic allows no revision of its schema.")

    def _parse(self, definition: str) -> Any:
        # Imported only when there are schemas: it is not quick to load.
        from photofinish_emulators.pubsub import avro_schemas

        if definition not in self._parsed:
            try:
                self._parsed[definition] = avro_schemas.parse_schema(definition)
            except avro_schemas.NotConforming as error:
                raise invalid(f"Invalid schema definition: {error}.") from error
        return self._parsed[definition]


def _failed(reason: str, why: str) -> Refused:
    detail = error_details_pb2.ErrorInfo(
        reason=reason,
        domain="pubsub.googleapis.com",
        metadata={"message": "Message failed schema validation", "revisionInfo": why},
    )
    return invalid("Invalid data in message: Message failed schema validation.", detail)

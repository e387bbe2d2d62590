"""Avro schemas through the official client: revisions, checks of messages, and topics that demand them."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Callable, Iterator

import fastavro
import grpc
import pytest
from google.api_core import exceptions
from google.cloud import pubsub_v1
from google.pubsub_v1 import types
from google.pubsub_v1.services.schema_service import SchemaServiceClient
from google.pubsub_v1.services.schema_service.transports import SchemaServiceGrpcTransport

from support.pubsub_server import PubsubServer, publish, pull

PROJECT = "projects/contract"
JSON, BINARY = types.Encoding.JSON, types.Encoding.BINARY
AVRO = types.Schema.Type.AVRO
BIB = {"type": "record", "name": "Bib", "fields": [{"name": "number", "type": "int"}]}
RUNNER = {**BIB, "fields": [*BIB["fields"], {"name": "runner", "type": "string"}]}
_numbers = itertools.count(1)


def client_of(server: PubsubServer) -> SchemaServiceClient:
    return SchemaServiceClient(transport=SchemaServiceGrpcTransport(channel=grpc.insecure_channel(server.address)))


@pytest.fixture(scope="module")
def schemas(server: PubsubServer) -> Iterator[SchemaServiceClient]:
    with client_of(server) as client:
        yield client


def schema(definition: object) -> types.Schema:
    return types.Schema(type_=AVRO, definition=json.dumps(definition))


def create(schemas: SchemaServiceClient, definition: object = BIB, project: str = PROJECT) -> types.Schema:
    return schemas.create_schema(parent=project, schema=schema(definition), schema_id=f"schema-{next(_numbers)}")


def binary(definition: object, value: object) -> bytes:
    encoded = io.BytesIO()
    fastavro.schemaless_writer(encoded, fastavro.parse_schema(definition), value)
    return encoded.getvalue()


def test_schemas_are_created_read_listed_and_deleted(schemas: SchemaServiceClient) -> None:
    project = "projects/listed-schemas"
    assert list(schemas.list_schemas(parent=project)) == []
    created = [create(schemas, project=project) for _ in range(3)]
    assert schemas.get_schema(name=created[0].name) == created[0]
    assert created[0].revision_id
    assert json.loads(created[0].definition) == BIB
    listed = list(schemas.list_schemas(request={"parent": project, "page_size": 2}))
    assert [each.name for each in listed] == sorted(each.name for each in created)
    assert {each.definition for each in listed} == {""}, "only the full view has definitions"
    full = schemas.list_schemas(request={"parent": project, "view": types.SchemaView.FULL})
    assert {each.definition for each in full} == {created[0].definition}
    with pytest.raises(exceptions.AlreadyExists):
        schemas.create_schema(parent=project, schema=schema(BIB), schema_id=created[0].name.rsplit("/", 1)[-1])
    schemas.delete_schema(name=created[0].name)
    for call in (schemas.get_schema, schemas.delete_schema):
        with pytest.raises(exceptions.NotFound):
            call(name=created[0].name)


def test_revisions(schemas: SchemaServiceClient) -> None:
    first = create(schemas)
    second = schemas.commit_schema(name=first.name, schema=schema(RUNNER))
    assert second.revision_id != first.revision_id
    third = schemas.rollback_schema(name=first.name, revision_id=first.revision_id)
    assert third.definition == first.definition
    listed = schemas.list_schema_revisions(name=first.name)
    assert [each.revision_id for each in listed] == [each.revision_id for each in (third, second, first)]
    assert schemas.get_schema(name=f"{first.name}@{second.revision_id}").definition == second.definition
    left = schemas.delete_schema_revision(name=f"{first.name}@{third.revision_id}")
    assert left.revision_id == second.revision_id
    assert schemas.get_schema(name=first.name).revision_id == second.revision_id
    with pytest.raises(exceptions.NotFound):
        schemas.get_schema(name=f"{first.name}@{third.revision_id}")
    for _ in range(18):
        schemas.commit_schema(name=first.name, schema=schema(BIB))
    with pytest.raises(exceptions.FailedPrecondition, match="20 revisions"):
        schemas.commit_schema(name=first.name, schema=schema(BIB))


@pytest.mark.parametrize(
    ("definition", "why"),
    [
        ("{", "Invalid schema"),
        (json.dumps({"type": "record", "name": "x"}), "Invalid schema"),
        (json.dumps({"type": "nothing"}), "unknown type"),
        (json.dumps(["int", "string"]), "one top-level type"),
        (json.dumps({**BIB, "doc": "x" * 300 * 1024}), "at most"),
    ],
)
def test_what_is_no_schema_is_refused(schemas: SchemaServiceClient, definition: str, why: str) -> None:
    wrong = types.Schema(type_=AVRO, definition=definition)
    with pytest.raises(exceptions.InvalidArgument, match=why):
        schemas.validate_schema(parent=PROJECT, schema=wrong)
    with pytest.raises(exceptions.InvalidArgument, match=why):
        schemas.create_schema(parent=PROJECT, schema=wrong, schema_id="wrong")
    with pytest.raises(exceptions.InvalidArgument, match="type"):
        schemas.validate_schema(parent=PROJECT, schema=types.Schema(definition=json.dumps(BIB)))


def test_protocol_buffers_are_unimplemented(schemas: SchemaServiceClient) -> None:
    proto = types.Schema(type_=types.Schema.Type.PROTOCOL_BUFFER, definition='syntax = "proto3"; message A {}')
    with pytest.raises(exceptions.MethodNotImplemented, match="not served"):
        schemas.create_schema(parent=PROJECT, schema=proto, schema_id="proto")


@pytest.mark.parametrize(
    ("encoding", "data", "conforms"),
    [
        (JSON, b'{"number": 1495}', True),
        (JSON, b'{\n"number": 1495,\n"more": 1}', True),  # as in the real service
        (JSON, b'{"number": "1495"}', False),
        (JSON, b'{"number": 4000000000}', False),
        (JSON, b"{}", False),
        (JSON, b"[1]", False),
        (JSON, b"", False),
        (JSON, b'{"number": 1} {"number": 2}', False),
        (BINARY, binary(BIB, {"number": 1495}), True),
        (BINARY, binary(BIB, {"number": 1495}) + b"x", False),
        (BINARY, b"", False),
    ],
)
def test_messages_are_checked(
    schemas: SchemaServiceClient, encoding: types.Encoding, data: bytes, conforms: bool
) -> None:
    name = create(schemas).name
    request = {"parent": PROJECT, "message": data, "encoding": encoding}
    for spec in ({"name": name}, {"schema": schema(BIB)}):
        if conforms:
            schemas.validate_message(request={**request, **spec})
        else:
            with pytest.raises(exceptions.InvalidArgument, match="Message failed schema validation") as refused:
                schemas.validate_message(request={**request, **spec})
            assert refused.value.reason == f"INVALID_{encoding.name}_AVRO_MESSAGE"


def test_a_topic_takes_only_messages_of_its_schema(
    schemas: SchemaServiceClient,
    publisher: pubsub_v1.PublisherClient,
    subscriber: pubsub_v1.SubscriberClient,
    topic: str,
    subscribe: Callable[..., str],
) -> None:
    first = create(schemas)
    settings = {"schema": first.name, "encoding": JSON}
    mask = {"paths": ["schema_settings"]}
    publisher.update_topic(request={"topic": {"name": topic, "schema_settings": settings}, "update_mask": mask})
    subscription = subscribe()
    with pytest.raises(exceptions.InvalidArgument, match="schema validation"):
        publish(publisher, topic, b"no JSON")
    publish(publisher, topic, b'{"number": 1}')
    [received] = pull(subscriber, subscription)
    assert dict(received.message.attributes) == {
        "googclient_schemaname": first.name,
        "googclient_schemaencoding": "JSON",
        "googclient_schemarevisionid": first.revision_id,
    }
    # Of several revisions, any that the topic allows.
    second = schemas.commit_schema(name=first.name, schema=schema(RUNNER))
    publish(publisher, topic, b'{"number": 1}')
    settings["first_revision_id"] = second.revision_id
    publisher.update_topic(request={"topic": {"name": topic, "schema_settings": settings}, "update_mask": mask})
    with pytest.raises(exceptions.InvalidArgument, match="schema validation"):
        publish(publisher, topic, b'{"number": 1}')
    publish(publisher, topic, b'{"number": 1, "runner": "Ada"}')
    schemas.delete_schema(name=first.name)
    assert publisher.get_topic(topic=topic).schema_settings.schema == "_deleted-schema_"
    with pytest.raises(exceptions.FailedPrecondition):
        publish(publisher, topic, b'{"number": 1, "runner": "Ada"}')
    publisher.update_topic(request={"topic": {"name": topic}, "update_mask": mask})
    publish(publisher, topic, b"anything")


def test_a_topics_schema_must_exist(schemas: SchemaServiceClient, publisher: pubsub_v1.PublisherClient) -> None:
    name = create(schemas).name
    new = "projects/contract/topics/with-schema"
    for settings, error in (
        ({"schema": name + "x", "encoding": JSON}, exceptions.NotFound),
        ({"schema": name}, exceptions.InvalidArgument),
        ({"schema": name, "encoding": JSON, "first_revision_id": "00000000"}, exceptions.NotFound),
    ):
        with pytest.raises(error):
            publisher.create_topic(request={"name": new, "schema_settings": settings})


def test_schemas_survive_a_kill(tmp_path_factory: pytest.TempPathFactory) -> None:
    with PubsubServer(tmp_path_factory.mktemp("schemas") / "state") as server:
        first = create(client_of(server))
        second = client_of(server).commit_schema(name=first.name, schema=schema(RUNNER))
        server.restart()
        schemas = client_of(server)
        assert schemas.get_schema(name=first.name) == second
        listed = schemas.list_schema_revisions(name=first.name)
        assert [each.revision_id for each in listed] == [second.revision_id, first.revision_id]

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from google.cloud.storage import Client as StorageClient

from photofinish.analysis.models.settings import ModelSettings
from support.rekognition import RekognitionServer, collection_name, rekognition_server

if TYPE_CHECKING:
    from types_boto3_rekognition import RekognitionClient


@pytest.fixture(scope="session")
def server(
    tmp_path_factory: pytest.TempPathFactory,
    storage_client: StorageClient,
    model_settings: ModelSettings,
) -> Iterator[RekognitionServer]:
    with rekognition_server(tmp_path_factory.mktemp("rekognition"), storage_client) as running:
        yield running


@pytest.fixture
def client(server: RekognitionServer) -> RekognitionClient:
    """A boto3 client with its own key, so that its signatures differ from those of other tests."""
    return server.client()


@pytest.fixture
def collection(client: RekognitionClient) -> str:
    """A new, empty collection."""
    name = collection_name()
    client.create_collection(CollectionId=name)
    return name

"""The only place that turns settings into adapters. Clients are made on first use, never at import."""

from __future__ import annotations

import functools
from functools import cached_property

import grpc
from google.cloud.firestore import Client as FirestoreClient
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from google.cloud.run_v2 import JobsClient
from google.cloud.run_v2.services.jobs.transports import JobsGrpcTransport
from google.cloud.storage import Client as StorageClient

from photofinish.adapters.firestore import FirestoreDocuments, FirestoreTaskLeases
from photofinish.adapters.gcs import GcsPhotoStore
from photofinish.adapters.pgvector import PgVectorFaceIndex
from photofinish.adapters.pubsub import PubSubResultEvents, PubSubWorkQueue
from photofinish.adapters.run_jobs import CloudRunJobLauncher
from photofinish.models.settings import ModelSettings
from photofinish.ports import Documents, FaceIndex, JobLauncher, PhotoStore, ResultEvents, TaskLeases, WorkQueue
from photofinish.settings import ModelEnvironment, Settings


class App:
    """The adapters of one deployment."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def store(self) -> PhotoStore:
        return GcsPhotoStore(self.storage_client, self.settings.photo_bucket, self.settings.derived_bucket)

    @cached_property
    def queue(self) -> WorkQueue:
        return PubSubWorkQueue(
            self._publisher,
            SubscriberClient(),
            self.settings.project,
            self.settings.work_topic,
            self.settings.work_subscription,
        )

    @cached_property
    def events(self) -> ResultEvents:
        return PubSubResultEvents(self._publisher, self.settings.project, self.settings.results_topic)

    @cached_property
    def documents(self) -> Documents:
        return FirestoreDocuments(self._firestore)

    @cached_property
    def leases(self) -> TaskLeases:
        return FirestoreTaskLeases(self._firestore)

    @cached_property
    def launcher(self) -> JobLauncher:
        address = self.settings.run_emulator_host
        client = (
            JobsClient(transport=JobsGrpcTransport(channel=grpc.insecure_channel(address))) if address else JobsClient()
        )
        return CloudRunJobLauncher(client, self.settings.project, self.settings.region, self.settings.job)

    @cached_property
    def index(self) -> FaceIndex:
        return PgVectorFaceIndex(self.settings.database_url.get_secret_value())

    @cached_property
    def storage_client(self) -> StorageClient:
        return StorageClient(project=self.settings.project)

    @cached_property
    def _publisher(self) -> PublisherClient:
        return PublisherClient()

    @cached_property
    def _firestore(self) -> FirestoreClient:
        return FirestoreClient(project=self.settings.project)


@functools.cache
def app() -> App:
    """The deployment that the environment names.

    Raises:
        Misconfigured: names every variable that is missing or wrong.
    """
    return App(Settings.from_env())


def model_settings() -> ModelSettings:
    """Where models lie and what they run on, out of the environment."""
    environment = ModelEnvironment.from_env()
    providers = tuple(name.strip() for name in environment.providers.split(",") if name.strip())
    return ModelSettings(models_dir=environment.models_dir, providers=providers, threads=environment.threads)

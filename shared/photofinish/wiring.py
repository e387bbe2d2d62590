"""Turn settings into adapters and use cases; the only module that imports adapters.

Everything is created on first use, never at import, and each library is imported where it is used: a function that
needs only Firestore does not pay for the database client or the models in its cold start and memory.
"""

from __future__ import annotations

import functools
from functools import cached_property
from typing import TYPE_CHECKING

from photofinish.analysis.models.settings import ModelSettings
from photofinish.errors import Misconfigured
from photofinish.ports import (
    AccessStore,
    AlbumRules,
    Albums,
    BucketKind,
    Clusters,
    Collections,
    Documents,
    EnrolmentPictures,
    Enrolments,
    FaceIndex,
    JobLauncher,
    People,
    PeopleChanges,
    PeopleDocuments,
    PeopleNumbers,
    PeopleProjection,
    PhotoLinks,
    PhotoStore,
    PhotoUploads,
    ResultEvents,
    TaskLeases,
    Users,
    WorkQueue,
)
from photofinish.settings import AccessSettings, DatabaseSettings, LinkSettings, ModelEnvironment, Settings

if TYPE_CHECKING:
    from google.cloud.firestore import Client as FirestoreClient
    from google.cloud.pubsub_v1 import PublisherClient
    from google.cloud.storage import Client as StorageClient

    from photofinish.adapters.postgres.database import Database
    from photofinish.analysis.models.face_encoder import FaceEncoder
    from photofinish.analysis.models.text_reader import TextReader
    from photofinish.application.launch_workers import WorkerLauncher
    from photofinish.application.people.clustering import PeopleClustering
    from photofinish.application.people.projection import PeopleProjector
    from photofinish.application.pictures import Pictures
    from photofinish.application.search.searcher import Searcher
    from photofinish.domain.matching import Calibration


class App:
    """One deployment: its adapters, its models, and the use cases that keep state between requests.

    Tests assign their doubles before the first use: ``app.documents = MemoryDocuments()``.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def store(self) -> PhotoStore:
        from photofinish.adapters.google.photo_store import GcsPhotoStore

        return GcsPhotoStore(self._storage_client, self.settings.photo_bucket, self.settings.derived_bucket)

    @cached_property
    def uploads(self) -> PhotoUploads:
        from photofinish.adapters.google.photo_uploads import GcsPhotoUploads

        return GcsPhotoUploads(self._storage_client, self.settings.photo_bucket)

    @cached_property
    def links(self) -> PhotoLinks:
        from google.auth.transport.requests import Request

        from photofinish.adapters.google.cached_links import CachedPhotoLinks
        from photofinish.adapters.google.hmac_links import HmacKey, HmacPhotoLinks
        from photofinish.adapters.google.signed_links import GcsPhotoLinks, default_signing

        buckets: dict[BucketKind, str] = {"photos": self.settings.photo_bucket}
        if self.settings.enrolment_bucket:
            buckets["enrolment"] = self.settings.enrolment_bucket
        client, derived = self._storage_client, self.settings.derived_bucket
        links = GcsPhotoLinks(client, default_signing(Request()), derived_bucket=derived, upload_buckets=buckets)
        key = LinkSettings.from_env().link_key
        if key is None:
            return CachedPhotoLinks(links)
        return HmacPhotoLinks(
            links, HmacKey.parse(key.get_secret_value()), endpoint=client.api_endpoint, derived_bucket=derived
        )

    @cached_property
    def queue(self) -> WorkQueue:
        from google.cloud.pubsub_v1 import SubscriberClient

        from photofinish.adapters.google.pubsub import PubSubWorkQueue

        return PubSubWorkQueue(
            self._publisher,
            SubscriberClient(),
            self.settings.project,
            self.settings.work_topic,
            self.settings.work_subscription,
        )

    @cached_property
    def events(self) -> ResultEvents:
        from photofinish.adapters.google.pubsub import PubSubResultEvents

        return PubSubResultEvents(self._publisher, self.settings.project, self.settings.results_topic)

    @cached_property
    def documents(self) -> Documents:
        from photofinish.adapters.google.documents import FirestoreDocuments

        return FirestoreDocuments(self._firestore)

    @cached_property
    def leases(self) -> TaskLeases:
        from photofinish.adapters.google.task_leases import FirestoreTaskLeases

        return FirestoreTaskLeases(self._firestore)

    @cached_property
    def launcher(self) -> JobLauncher:
        from photofinish.adapters.google.run_jobs import CloudRunJobLauncher, jobs_client

        client = jobs_client(self.settings.run_emulator_host)
        return CloudRunJobLauncher(client, self.settings.project, self.settings.region, self.settings.job)

    @cached_property
    def index(self) -> FaceIndex:
        from photofinish.adapters.postgres.faces import PgFaceIndex

        return PgFaceIndex(self._database)

    @cached_property
    def access(self) -> AccessStore:
        from photofinish.adapters.postgres.access import PgAccessStore

        return PgAccessStore(self._database)

    @cached_property
    def people(self) -> People:
        from photofinish.adapters.postgres.people.people import PgPeople

        return PgPeople(self._database)

    @cached_property
    def users(self) -> Users:
        from photofinish.adapters.postgres.people.users import PgUsers

        return PgUsers(self._database)

    @cached_property
    def people_changes(self) -> PeopleChanges:
        from photofinish.adapters.postgres.people.changes import PgPeopleChanges

        return PgPeopleChanges(self._database)

    @cached_property
    def people_numbers(self) -> PeopleNumbers:
        from photofinish.adapters.postgres.people.numbers import PgPeopleNumbers

        return PgPeopleNumbers(self._database)

    @cached_property
    def clusters(self) -> Clusters:
        from photofinish.adapters.postgres.people.clusters import PgClusters

        return PgClusters(self._database)

    @cached_property
    def enrolments(self) -> Enrolments:
        from photofinish.adapters.postgres.people.enrolments import PgEnrolments

        return PgEnrolments(self._database)

    @cached_property
    def enrolment_pictures(self) -> EnrolmentPictures:
        """The pictures that people are enrolled by; raises Misconfigured if the deployment has no bucket for them."""
        from photofinish.adapters.google.enrolment_pictures import GcsEnrolmentPictures

        if self.settings.enrolment_bucket is None:
            raise Misconfigured("PHOTOFINISH_ENROLMENT_BUCKET: is not set, so people cannot be enrolled by upload.")
        return GcsEnrolmentPictures(self._storage_client, self.settings.enrolment_bucket)

    @cached_property
    def people_projection(self) -> PeopleProjection:
        from photofinish.adapters.postgres.people.projection import PgPeopleProjection

        return PgPeopleProjection(self._database)

    @cached_property
    def people_documents(self) -> PeopleDocuments:
        from photofinish.adapters.google.people_documents import FirestorePeopleDocuments

        return FirestorePeopleDocuments(self._firestore)

    @cached_property
    def collections(self) -> Collections:
        from photofinish.adapters.postgres.collections import PgCollections

        return PgCollections(self._database)

    @cached_property
    def album_rules(self) -> AlbumRules:
        from photofinish.adapters.postgres.album_rules import PgAlbumRules

        return PgAlbumRules(self._database)

    @cached_property
    def albums(self) -> Albums:
        from photofinish.adapters.postgres.albums import PgAlbums

        return PgAlbums(self._database)

    @cached_property
    def worker_launcher(self) -> WorkerLauncher:
        from photofinish.application.launch_workers import WorkerLauncher

        return WorkerLauncher(
            documents=self.documents,
            leases=self.leases,
            launcher=self.launcher,
            max_tasks=self.settings.max_gpu_tasks,
            photos_per_task=self.settings.photos_per_task,
            launch_lease_s=self.settings.launch_lease_s,
        )

    @cached_property
    def searcher(self) -> Searcher:
        from photofinish.application.search.searcher import Searcher

        return Searcher(self.index, self.people, self.people_numbers, {self.embedding_space: self.calibration})

    @cached_property
    def clustering(self) -> PeopleClustering:
        from photofinish.analysis.models.selection import known_calibrations
        from photofinish.application.people.clustering import PeopleClustering

        calibrations = known_calibrations(model_settings())
        return PeopleClustering(self.clusters, calibrations, publish=self.projector.project_soon)

    @cached_property
    def projector(self) -> PeopleProjector:
        from photofinish.application.people.projection import PeopleProjector

        return PeopleProjector(self.people_projection, self.people_documents)

    @cached_property
    def pictures(self) -> Pictures:
        from photofinish.application.pictures import Pictures

        return Pictures(lambda: self.encoder, self.calibration)

    @cached_property
    def encoder(self) -> FaceEncoder:
        from photofinish.analysis.models.face_encoder import FaceEncoder

        return FaceEncoder.load(model_settings())

    @cached_property
    def text_reader(self) -> TextReader:
        from photofinish.analysis.models.text_reader import TextReader

        return TextReader.load(model_settings())

    @property
    def embedding_space(self) -> str:
        """The embedding space of `encoder`."""
        return self._searched_space[0]

    @property
    def calibration(self) -> Calibration:
        """What similarities in `embedding_space` mean. Raises Misconfigured if it has no calibration."""
        return self._searched_space[1]

    @cached_property
    def access_settings(self) -> AccessSettings:
        return AccessSettings.from_env()

    @cached_property
    def _database(self) -> Database:
        from photofinish.adapters.postgres.database import Database

        return Database(database_url())

    @cached_property
    def _storage_client(self) -> StorageClient:
        from google.cloud.storage import Client

        return Client(project=self.settings.project)

    @cached_property
    def _searched_space(self) -> tuple[str, Calibration]:
        from photofinish.analysis.models.selection import searched_space

        return searched_space(model_settings())

    @cached_property
    def _publisher(self) -> PublisherClient:
        from google.cloud.pubsub_v1 import PublisherClient

        return PublisherClient()

    @cached_property
    def _firestore(self) -> FirestoreClient:
        from google.cloud.firestore import Client

        return Client(project=self.settings.project)


@functools.cache
def app() -> App:
    """Return the deployment that the environment describes.

    Raises:
        Misconfigured: lists every variable that is missing or wrong.
    """
    return App(Settings.from_env())


def access_store() -> AccessStore:
    """Return the store of API keys and audit entries in the database that the environment names.

    No other settings of a deployment are needed.
    """
    from photofinish.adapters.postgres.access import PgAccessStore
    from photofinish.adapters.postgres.database import Database

    return PgAccessStore(Database(database_url()))


def migrate_database() -> list[str]:
    """Migrate the database, see :func:`photofinish.adapters.postgres.migrating.migrate`."""
    from photofinish.adapters.postgres.migrating import migrate

    return migrate(database_url())


def unsearchable_photos() -> dict[str, int]:
    """See :func:`photofinish.adapters.postgres.migrating.unsearchable_photos`."""
    from photofinish.adapters.postgres import migrating

    return migrating.unsearchable_photos(database_url())


def database_url() -> str:
    """Return the connection string of the database; raises Misconfigured if it is not set."""
    return DatabaseSettings.from_env().database_url.get_secret_value()


def model_settings() -> ModelSettings:
    """Read from the environment which models to use, where their files are and what they run on."""
    environment = ModelEnvironment.from_env()
    providers = tuple(name.strip() for name in environment.providers.split(",") if name.strip())
    return ModelSettings(
        models_dir=environment.models_dir,
        providers=providers,
        threads=environment.threads,
        tensorrt_cache_dir=environment.tensorrt_cache_dir,
        fp16=environment.fp16,
        bib_detector=environment.bib_detector,
        face_pack=environment.face_pack,
        accept_noncommercial=environment.accept_noncommercial,
        text_engine=environment.text_engine,
        paddle_models=environment.paddle_models,
    )

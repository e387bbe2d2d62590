"""Adapters of storage, Pub/Sub, Firestore and Cloud Run."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from photofinish.domain.lanes import Lane
from photofinish.errors import Misconfigured
from photofinish.ports import (
    AccessDocuments,
    AlbumDocuments,
    AuditAnchors,
    BucketKind,
    DerivedObjects,
    Documents,
    EnrolmentPictures,
    ErasableDocuments,
    ErasableObjects,
    GpuStates,
    HaltedAlbums,
    JobLauncher,
    Originals,
    PeopleDocuments,
    PhotoLinks,
    PhotoStore,
    PhotoUploads,
    ResultEvents,
    RetentionRuns,
    TaskLeases,
    WebhookMessages,
    WorkQueue,
)
from photofinish.settings import LinkSettings, RetentionSettings, Settings

if TYPE_CHECKING:
    from google.cloud.firestore import Client as FirestoreClient
    from google.cloud.pubsub_v1 import PublisherClient
    from google.cloud.storage import Client as StorageClient


class GoogleAdapters:
    """The Google Cloud services of a deployment, or their local servers; clients are made on first use."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def store(self) -> PhotoStore:
        from photofinish.adapters.google.photo_store import GcsPhotoStore

        return GcsPhotoStore(self._storage_client, self.settings.photo_bucket, self.settings.derived_bucket)

    @cached_property
    def originals(self) -> Originals:
        from photofinish.adapters.google.photo_store import GcsPhotoStore

        return GcsPhotoStore(self._storage_client, self.settings.photo_bucket, self.settings.derived_bucket)

    @cached_property
    def derived(self) -> DerivedObjects:
        from photofinish.adapters.google.photo_store import GcsPhotoStore

        return GcsPhotoStore(self._storage_client, self.settings.photo_bucket, self.settings.derived_bucket)

    @cached_property
    def uploads(self) -> PhotoUploads:
        from photofinish.adapters.google.photo_uploads import GcsPhotoUploads

        return GcsPhotoUploads(self._storage_client, self.settings.photo_bucket)

    @cached_property
    def links(self) -> PhotoLinks:
        from photofinish.adapters.google.cached_links import CachedPhotoLinks
        from photofinish.adapters.google.hmac_links import HmacKey, HmacPhotoLinks
        from photofinish.adapters.google.signed_links import GcsPhotoLinks, default_signing, signing_transport

        buckets: dict[BucketKind, str] = {"photos": self.settings.photo_bucket}
        if self.settings.enrolment_bucket:
            buckets["enrolment"] = self.settings.enrolment_bucket
        client, derived = self._storage_client, self.settings.derived_bucket
        signing = default_signing(signing_transport())
        links = GcsPhotoLinks(client, signing, derived_bucket=derived, upload_buckets=buckets)
        key = LinkSettings.from_env().link_key
        if key is None:
            return CachedPhotoLinks(links)
        return HmacPhotoLinks(
            links, HmacKey.parse(key.get_secret_value()), endpoint=client.api_endpoint, derived_bucket=derived
        )

    @cached_property
    def queue(self) -> WorkQueue:
        from google.cloud.pubsub_v1 import SubscriberClient

        from photofinish.adapters.google.pubsub import LanePlace, PubSubWorkQueue

        settings = self.settings
        return PubSubWorkQueue(
            self._publisher,
            SubscriberClient(),
            settings.project,
            {
                Lane.PROMPT: LanePlace(settings.work_topic, settings.work_subscription),
                Lane.BULK: LanePlace(settings.bulk_topic, settings.bulk_subscription),
            },
            bucket=settings.photo_bucket,
        )

    @cached_property
    def events(self) -> ResultEvents:
        from photofinish.adapters.google.pubsub import PubSubResultEvents

        return PubSubResultEvents(self._publisher, self.settings.project, self.settings.results_topic)

    @cached_property
    def retention_runs(self) -> RetentionRuns:
        from photofinish.adapters.google.pubsub import PubSubRetentionRuns

        return PubSubRetentionRuns(self._publisher, self.settings.project, self.settings.retention_topic)

    @cached_property
    def webhook_messages(self) -> WebhookMessages:
        from photofinish.adapters.google.pubsub import PubSubWebhookMessages

        return PubSubWebhookMessages(self._publisher, self.settings.project, self.settings.webhooks_topic)

    @cached_property
    def documents(self) -> Documents:
        from photofinish.adapters.google.documents import FirestoreDocuments

        return FirestoreDocuments(self._firestore)

    @cached_property
    def leases(self) -> TaskLeases:
        from photofinish.adapters.google.task_leases import FirestoreTaskLeases

        return FirestoreTaskLeases(self._firestore)

    @cached_property
    def halted_albums(self) -> HaltedAlbums:
        from photofinish.adapters.google.halted_albums import FirestoreHaltedAlbums

        return FirestoreHaltedAlbums(self._firestore)

    @cached_property
    def gpu_states(self) -> GpuStates:
        from photofinish.adapters.google.gpu_states import FirestoreGpuStates

        return FirestoreGpuStates(self._firestore)

    @cached_property
    def launcher(self) -> JobLauncher:
        return self._launcher_of(self.settings.job)

    @cached_property
    def cpu_launcher(self) -> JobLauncher:
        """Of the job without GPU that there is in addition if the processor is `auto`."""
        return self._launcher_of(self.settings.cpu_job)

    def _launcher_of(self, job: str) -> JobLauncher:
        from photofinish.adapters.google.run_jobs import CloudRunJobLauncher, executions_client, jobs_client

        host = self.settings.run_emulator_host
        return CloudRunJobLauncher(
            jobs_client(host), executions_client(host), self.settings.project, self.settings.region, job
        )

    @cached_property
    def audit_anchors(self) -> AuditAnchors:
        from photofinish.adapters.google.audit_anchors import GcsAuditAnchors

        return GcsAuditAnchors(self._storage_client, RetentionSettings.from_env().audit_bucket)

    @cached_property
    def access_documents(self) -> AccessDocuments:
        from photofinish.adapters.google.access_documents import FirestoreAccessDocuments

        return FirestoreAccessDocuments(self._firestore)

    @cached_property
    def album_documents(self) -> AlbumDocuments:
        from photofinish.adapters.google.album_documents import FirestoreAlbumDocuments

        return FirestoreAlbumDocuments(self._firestore)

    @cached_property
    def enrolment_pictures(self) -> EnrolmentPictures:
        """The pictures that people are enrolled by; raises Misconfigured if the deployment has no bucket for them."""
        from photofinish.adapters.google.enrolment_pictures import GcsEnrolmentPictures

        if self.settings.enrolment_bucket is None:
            raise Misconfigured("PHOTOFINISH_ENROLMENT_BUCKET: is not set, so people cannot be enrolled by upload.")
        return GcsEnrolmentPictures(self._storage_client, self.settings.enrolment_bucket)

    @cached_property
    def people_documents(self) -> PeopleDocuments:
        from photofinish.adapters.google.people_documents import FirestorePeopleDocuments

        return FirestorePeopleDocuments(self._firestore)

    @cached_property
    def erasable_documents(self) -> ErasableDocuments:
        from photofinish.adapters.google.erasable_documents import FirestoreErasableDocuments

        return FirestoreErasableDocuments(self._firestore)

    @cached_property
    def erasable_objects(self) -> ErasableObjects:
        from photofinish.adapters.google.erasable_objects import GcsErasableObjects

        return GcsErasableObjects(
            self._storage_client,
            photo_bucket=self.settings.photo_bucket,
            derived_bucket=self.settings.derived_bucket,
            enrolment_bucket=self.settings.enrolment_bucket,
        )

    @property
    def storage_origin(self) -> str:
        """Where signed links lead: `https://storage.googleapis.com`, or the local server."""
        return str(self._storage_client.api_endpoint).rstrip("/")

    @cached_property
    def _storage_client(self) -> StorageClient:
        from google.cloud.storage import Client

        # The client asks where each bucket is, to describe its traces, even where tracing is off (3.17,
        # _bucket_metadata_cache.py). The service accounts may not read buckets: every instance would be refused once.
        os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
        return Client(project=self.settings.project)

    @cached_property
    def _publisher(self) -> PublisherClient:
        from google.cloud.pubsub_v1 import PublisherClient

        return PublisherClient()

    @cached_property
    def _firestore(self) -> FirestoreClient:
        from google.cloud.firestore import Client

        return Client(project=self.settings.project)

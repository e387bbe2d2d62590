"""Use cases, put together from adapters and models."""

from __future__ import annotations

import functools
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from photofinish.settings import (
    AccessSettings,
    AdmissionSettings,
    EventRetentionSettings,
    NotificationSettings,
    NotifyingSettings,
    ReceiptSettings,
    SignedAccessSettings,
    WebhookSettings,
)
from photofinish.wiring.google_adapters import GoogleAdapters
from photofinish.wiring.models import Models, model_settings
from photofinish.wiring.postgres_adapters import PostgresAdapters

if TYPE_CHECKING:
    from photofinish.application.access_projection import AccessProjector
    from photofinish.application.album_statistics import StatisticsCounting, StatisticsReading
    from photofinish.application.bibs.correcting import BibCorrector
    from photofinish.application.bibs.projection import BibProjector
    from photofinish.application.bibs.rescoring import AlbumRescorer
    from photofinish.application.checking.checker import AlbumChecker
    from photofinish.application.checking.rebuilding import AlbumRebuilder
    from photofinish.application.checking.repairing import Repairer
    from photofinish.application.checking.restoring import ResultRestoring
    from photofinish.application.consent.admission import FaceAdmission
    from photofinish.application.consent.opting_out import OptOuts
    from photofinish.application.consent.subject_access import SubjectAccess
    from photofinish.application.deleted_objects import DeletedObjects
    from photofinish.application.downloads.facts import AlbumFacts
    from photofinish.application.erasing import Eraser, ErasureRequests
    from photofinish.application.launch_workers import WorkerLauncher
    from photofinish.application.notifying.relaying import NotificationRelay
    from photofinish.application.notifying.sending import Notifier
    from photofinish.application.people.clustering import PeopleClustering
    from photofinish.application.people.projection import PeopleProjector
    from photofinish.application.queue import QueueReading
    from photofinish.application.receipts import Receipts
    from photofinish.application.renditions import Renditions
    from photofinish.application.retention import AlbumEnds, Retention
    from photofinish.application.search.searcher import Searcher
    from photofinish.application.webhooks.delivering import WebhookDeliverer
    from photofinish.application.webhooks.relaying import WebhookRelay
    from photofinish.ports import Channels


class App(GoogleAdapters, PostgresAdapters, Models):
    """One deployment: its adapters, its models, and the use cases that keep state between requests.

    Tests assign their doubles before the first use: ``app.documents = MemoryDocuments()``.
    """

    @cached_property
    def erasure_requests(self) -> ErasureRequests:
        from photofinish.application.erasing import ErasureRequests

        return ErasureRequests(
            self.erasures, self.documents, self.erasable_documents, publish_people=self.projector.project_soon
        )

    @cached_property
    def eraser(self) -> Eraser:
        from photofinish.application.erasing import Eraser

        return Eraser(
            self.erasures,
            self.documents,
            self.erasable_documents,
            self.erasable_objects,
            publish_people=self.projector.project_soon,
            # Made when the first receipt is issued: who only requests erasures needs no key.
            issue_receipt=lambda erasure: self.receipts.issue(erasure),
        )

    @cached_property
    def admission(self) -> FaceAdmission:
        from photofinish.analysis.models.selection import known_calibrations
        from photofinish.application.consent.admission import FaceAdmission

        return FaceAdmission(
            self.album_policies, self.consents, self.suppression, lambda: known_calibrations(model_settings())
        )

    @cached_property
    def subject_access(self) -> SubjectAccess:
        from photofinish.application.consent.subject_access import SubjectAccess

        return SubjectAccess(
            people=self.people,
            numbers=self.people_numbers,
            enrolments=self.enrolments,
            consents=self.consents,
            suppression=self.suppression,
            subscriptions=self.subscriptions,
            access=self.access,
            documents=self.documents,
            derived=self.derived,
        )

    @cached_property
    def opt_outs(self) -> OptOuts:
        from photofinish.application.consent.opting_out import OptOuts
        from photofinish.domain.erasure import Reason

        return OptOuts(
            self.suppression,
            albums=self.albums,
            index=self.index,
            people=self.people,
            enrolments=self.enrolments,
            erase_faces=functools.partial(self.erasure_requests.request_faces, reason=Reason.REQUEST),
            calibration=lambda: self.calibration,
        )

    @cached_property
    def worker_launcher(self) -> WorkerLauncher:
        from photofinish.application.gpu_or_cpu import GpuOrCpuLauncher
        from photofinish.application.launch_workers import WorkerLauncher

        start = functools.partial(
            WorkerLauncher,
            documents=self.documents,
            leases=self.leases,
            max_tasks=self.settings.max_gpu_tasks,
            photos_per_task=self.settings.photos_per_task,
            launch_lease_s=self.settings.launch_lease_s,
        )
        if self.settings.processor != "auto":
            return start(launcher=self.launcher)
        either = GpuOrCpuLauncher(
            gpu=self.launcher,
            cpu=self.cpu_launcher,
            states=self.gpu_states,
            leases=self.leases,
            start_within_s=self.settings.launch_lease_s,
            first_retry_s=self.settings.gpu_retry_s,
        )
        return start(launcher=either, settle=either.settle)

    @cached_property
    def searcher(self) -> Searcher:
        from photofinish.application.search.searcher import Searcher

        return Searcher(self.index, self.people, self.people_numbers, {self.embedding_space: self.calibration})

    @cached_property
    def renditions(self) -> Renditions:
        from photofinish.application.renditions import Renditions

        return Renditions(
            documents=self.documents,
            policies=self.album_policies,
            consents=self.consents,
            index=self.index,
            derived=self.derived,
            watermark_of=self.watermark_of,
            # A false match would show a stranger's face: only who needs no check counts.
            min_similarity=self.calibration.stranger_similarity,
            secret=self.access_settings.pepper.current,
        )

    def watermark_of(self, album: str) -> str | None:
        """Return the text that the album's card wants on pictures; None: no watermark."""
        card = self.album_cards.card(album)
        return None if card is None else card.watermark

    @cached_property
    def album_facts(self) -> AlbumFacts:
        from photofinish.application.downloads.facts import AlbumFacts

        return AlbumFacts(self.people, self.album_rules)

    @cached_property
    def clustering(self) -> PeopleClustering:
        from photofinish.analysis.models.selection import known_calibrations
        from photofinish.application.people.clustering import PeopleClustering

        calibrations = known_calibrations(model_settings())
        return PeopleClustering(self.clusters, calibrations, publish=self.projector.project_soon)

    @cached_property
    def access_projector(self) -> AccessProjector:
        from photofinish.application.access_projection import AccessProjector

        return AccessProjector(self.access_projection, self.access_documents)

    @cached_property
    def projector(self) -> PeopleProjector:
        from photofinish.application.people.projection import PeopleProjector

        return PeopleProjector(self.people_projection, self.people_documents)

    @cached_property
    def bib_projector(self) -> BibProjector:
        from photofinish.application.bibs.projection import BibProjector

        return BibProjector(self.bib_projection, self.documents)

    @cached_property
    def bib_corrector(self) -> BibCorrector:
        from photofinish.application.bibs.correcting import BibCorrector

        return BibCorrector(self.bib_corrections, self.bib_projector, publish_people=self.projector.project_soon)

    @cached_property
    def album_rescorer(self) -> AlbumRescorer:
        from photofinish.application.bibs.rescoring import AlbumRescorer

        return AlbumRescorer(
            self.album_rules,
            self.bib_rescoring,
            self.derived,
            self.bib_projector,
            publish_people=self.projector.project_soon,
        )

    @cached_property
    def receipts(self) -> Receipts:
        """Issues receipts; raises Misconfigured without a key."""
        from importlib import metadata

        from photofinish.application.receipts import Receipts, SigningKey

        key = SigningKey.parse(ReceiptSettings.from_env().receipt_key.get_secret_value())
        return Receipts(self.receipt_store, key, software_version=metadata.version("photofinish-server"))

    @cached_property
    def deleted_objects(self) -> DeletedObjects:
        from photofinish.application.deleted_objects import DeletedObjects

        return DeletedObjects(self.store, self.documents, self.eraser, self.retention_records)

    @cached_property
    def album_ends(self) -> AlbumEnds:
        from photofinish.application.retention import AlbumEnds

        return AlbumEnds(self.album_policies, self.retention_records, self.documents, self.albums, self.people)

    @cached_property
    def retention(self) -> Retention:
        from photofinish.application.retention import Retention

        return Retention(
            self.album_ends,
            self.album_policies,
            self.retention_records,
            self.documents,
            self.erasable_objects,
            self.eraser,
            photo_bucket=self.settings.photo_bucket,
        )

    @cached_property
    def webhook_relay(self) -> WebhookRelay:
        from photofinish.application.webhooks.relaying import WebhookRelay

        return WebhookRelay(self.event_log, self.webhooks, self.webhook_deliveries, self.webhook_messages)

    @cached_property
    def webhook_deliverer(self) -> WebhookDeliverer:
        from photofinish.adapters.internet.webhook_sender import PinnedSender
        from photofinish.application.webhooks.delivering import WebhookDeliverer

        return WebhookDeliverer(
            self.webhook_deliveries,
            PinnedSender(),
            self.webhook_messages,
            self.webhook_settings.webhook_key,
            allow_loopback=self.webhook_settings.webhook_loopback,
        )

    @cached_property
    def notification_relay(self) -> NotificationRelay:
        from photofinish.application.notifying.relaying import NotificationRelay

        return NotificationRelay(self.notifications, self.webhook_messages)

    @cached_property
    def notifier(self) -> Notifier:
        from photofinish.application.notifying.sending import Notifier

        return Notifier(
            self.notifications,
            lambda: self.notification_channels,
            self.webhook_messages,
            self.webhook_settings.webhook_key,
            public_url=self.notifying_settings.public_url or "",
        )

    @cached_property
    def notification_channels(self) -> Channels:
        from photofinish.wiring.notification_channels import notification_channels

        return notification_channels(self.notifying_settings, self.webhook_settings, project=self.settings.project)

    @cached_property
    def notifying_settings(self) -> NotifyingSettings:
        return NotifyingSettings.from_env()

    @cached_property
    def notification_settings(self) -> NotificationSettings:
        """Those of what makes subscriptions."""
        return NotificationSettings.from_env()

    @cached_property
    def webhook_settings(self) -> WebhookSettings:
        return WebhookSettings.from_env()

    @cached_property
    def admission_settings(self) -> AdmissionSettings:
        """Those of the function that only admits callers."""
        return AdmissionSettings.from_env()

    @cached_property
    def statistics_reading(self) -> StatisticsReading:
        from photofinish.application.album_statistics import StatisticsReading

        return StatisticsReading(self.statistics, self.event_log)

    @cached_property
    def album_checker(self) -> AlbumChecker:
        from photofinish.application.checking.checker import AlbumChecker

        return AlbumChecker(
            store=self.store,
            documents=self.documents,
            contents=self.album_contents,
            album_rules=self.album_rules,
            policies=self.album_policies,
            leases=self.leases,
            max_lease=timedelta(seconds=max(600.0, 2 * self.settings.launch_lease_s)),
            events_kept=timedelta(days=EventRetentionSettings.from_env().event_retention_days),
        )

    @cached_property
    def result_restoring(self) -> ResultRestoring:
        from photofinish.application.checking.restoring import ResultRestoring

        return ResultRestoring(
            documents=self.documents,
            contents=self.album_contents,
            index=self.index,
            objects=self.erasable_objects,
            admission=self.admission,
        )

    @cached_property
    def album_repairer(self) -> Repairer:
        from photofinish.application.checking.repairing import Repairer

        return Repairer(
            documents=self.documents,
            contents=self.album_contents,
            policies=self.album_policies,
            queue=self.queue,
            events=self.events,
            objects=self.erasable_objects,
            erasable=self.erasable_documents,
            deleted_objects=self.deleted_objects,
            leases=self.leases,
            restoring=self.result_restoring,
        )

    @cached_property
    def album_rebuilder(self) -> AlbumRebuilder:
        from photofinish.application.checking.rebuilding import AlbumRebuilder
        from photofinish.application.reconcile import reconcile

        return AlbumRebuilder(
            checker=self.album_checker,
            repairer=self.album_repairer,
            restoring=self.result_restoring,
            contents=self.album_contents,
            policies=self.album_policies,
            eraser=self.eraser,
            cards=self.album_cards,
            album_documents=self.album_documents,
            access=self.access,
            access_projector=self.access_projector,
            reconcile=lambda album: reconcile(
                store=self.store,
                documents=self.documents,
                queue=self.queue,
                events=self.events,
                stale_after=timedelta(seconds=self.settings.stale_after_s),
                album=album,
            ),
            publish_people=self.projector.project_soon,
            rescore=functools.partial(self.album_rescorer.rescore_soon, budget_s=600.0),
        )

    @cached_property
    def queue_reading(self) -> QueueReading:
        from photofinish.application.queue import QueueReading

        return QueueReading(self.documents, self.leases, self.event_log, self.statistics)

    @cached_property
    def statistics_counting(self) -> StatisticsCounting:
        from photofinish.application.album_statistics import StatisticsCounting

        return StatisticsCounting(self.statistics)

    @cached_property
    def access_settings(self) -> AccessSettings:
        return AccessSettings.from_env()

    @cached_property
    def signed_access_settings(self) -> SignedAccessSettings:
        """Those of the function that admits signed requests."""
        return SignedAccessSettings.from_env()

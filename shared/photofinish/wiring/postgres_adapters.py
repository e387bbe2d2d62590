"""Adapters of the vector database."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from photofinish.ports import (
    AccessProjection,
    AccessStore,
    AlbumCards,
    AlbumContents,
    AlbumPolicies,
    AlbumRules,
    Albums,
    AuditReading,
    Batches,
    BibCorrections,
    BibProjection,
    BibRescoring,
    Budgets,
    CameraClocks,
    Clusters,
    Collections,
    Consents,
    Enrolments,
    Erasures,
    EventLog,
    FaceIndex,
    FindMeFeedback,
    KeptAnswers,
    KeptDownloads,
    Notifications,
    People,
    PeopleChanges,
    PeopleNumbers,
    PeopleProjection,
    ReceiptStore,
    RetentionRecords,
    Sessions,
    Shares,
    Statistics,
    Subscriptions,
    SuppressionList,
    TaskTimes,
    Users,
    VideoParts,
    WebhookDeliveries,
    Webhooks,
)
from photofinish.settings import DatabaseSettings

if TYPE_CHECKING:
    from photofinish.adapters.postgres.database import Database


class PostgresAdapters:
    """What is kept in Postgres; the pool of connections is made on first use."""

    @cached_property
    def index(self) -> FaceIndex:
        from photofinish.adapters.postgres.faces import PgFaceIndex

        return PgFaceIndex(self._database)

    @cached_property
    def album_contents(self) -> AlbumContents:
        from photofinish.adapters.postgres.album_contents import PgAlbumContents

        return PgAlbumContents(self._database)

    @cached_property
    def access(self) -> AccessStore:
        from photofinish.adapters.postgres.access import PgAccessStore

        return PgAccessStore(self._database)

    @cached_property
    def kept_answers(self) -> KeptAnswers:
        from photofinish.adapters.postgres.idempotency import PgKeptAnswers

        return PgKeptAnswers(self._database)

    @cached_property
    def downloads(self) -> KeptDownloads:
        from photofinish.adapters.postgres.downloads import PgDownloads

        return PgDownloads(self._database)

    @cached_property
    def audit(self) -> AuditReading:
        from photofinish.adapters.postgres.audit_reading import PgAuditReading

        return PgAuditReading(self._database)

    @cached_property
    def access_projection(self) -> AccessProjection:
        from photofinish.adapters.postgres.access_projection import PgAccessProjection

        return PgAccessProjection(self._database)

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
    def people_projection(self) -> PeopleProjection:
        from photofinish.adapters.postgres.people.projection import PgPeopleProjection

        return PgPeopleProjection(self._database)

    @cached_property
    def erasures(self) -> Erasures:
        from photofinish.adapters.postgres.erasing.erasures import PgErasures

        return PgErasures(self._database)

    @cached_property
    def collections(self) -> Collections:
        from photofinish.adapters.postgres.collections import PgCollections

        return PgCollections(self._database)

    @cached_property
    def album_rules(self) -> AlbumRules:
        from photofinish.adapters.postgres.album_rules import PgAlbumRules

        return PgAlbumRules(self._database)

    @cached_property
    def album_policies(self) -> AlbumPolicies:
        from photofinish.adapters.postgres.album_policies import PgAlbumPolicies

        return PgAlbumPolicies(self._database)

    @cached_property
    def consents(self) -> Consents:
        from photofinish.adapters.postgres.consents import PgConsents

        return PgConsents(self._database)

    @cached_property
    def suppression(self) -> SuppressionList:
        from photofinish.adapters.postgres.suppression import PgSuppressionList

        return PgSuppressionList(self._database)

    @cached_property
    def bib_corrections(self) -> BibCorrections:
        from photofinish.adapters.postgres.bibs.corrections import PgBibCorrections

        return PgBibCorrections(self._database)

    @cached_property
    def bib_rescoring(self) -> BibRescoring:
        from photofinish.adapters.postgres.bibs.rescoring import PgBibRescoring

        return PgBibRescoring(self._database)

    @cached_property
    def bib_projection(self) -> BibProjection:
        from photofinish.adapters.postgres.bibs.projection import PgBibProjection

        return PgBibProjection(self._database)

    @cached_property
    def camera_clocks(self) -> CameraClocks:
        from photofinish.adapters.postgres.camera_clocks import PgCameraClocks

        return PgCameraClocks(self._database)

    @cached_property
    def receipt_store(self) -> ReceiptStore:
        from photofinish.adapters.postgres.receipts import PgReceipts

        return PgReceipts(self._database)

    @cached_property
    def albums(self) -> Albums:
        from photofinish.adapters.postgres.albums import PgAlbums

        return PgAlbums(self._database)

    @cached_property
    def retention_records(self) -> RetentionRecords:
        from photofinish.adapters.postgres.retention import PgRetentionRecords

        return PgRetentionRecords(self._database)

    @cached_property
    def batches(self) -> Batches:
        from photofinish.adapters.postgres.batches import PgBatches

        return PgBatches(self._database)

    @cached_property
    def event_log(self) -> EventLog:
        from photofinish.adapters.postgres.events.log import PgEventLog

        return PgEventLog(self._database)

    @cached_property
    def webhooks(self) -> Webhooks:
        from photofinish.adapters.postgres.webhooks.registry import PgWebhooks

        return PgWebhooks(self._database)

    @cached_property
    def webhook_deliveries(self) -> WebhookDeliveries:
        from photofinish.adapters.postgres.webhooks.deliveries import PgWebhookDeliveries

        return PgWebhookDeliveries(self._database)

    @cached_property
    def album_cards(self) -> AlbumCards:
        from photofinish.adapters.postgres.shares import PgAlbumCards

        return PgAlbumCards(self._database)

    @cached_property
    def shares(self) -> Shares:
        from photofinish.adapters.postgres.shares import PgShares

        return PgShares(self._database)

    @cached_property
    def sessions(self) -> Sessions:
        from photofinish.adapters.postgres.shares import PgSessions

        return PgSessions(self._database)

    @cached_property
    def find_me_feedback(self) -> FindMeFeedback:
        from photofinish.adapters.postgres.shares import PgFindMeFeedback

        return PgFindMeFeedback(self._database)

    @cached_property
    def subscriptions(self) -> Subscriptions:
        from photofinish.adapters.postgres.subscriptions.registry import PgSubscriptions

        return PgSubscriptions(self._database)

    @cached_property
    def notifications(self) -> Notifications:
        from photofinish.adapters.postgres.subscriptions.notifications import PgNotifications

        return PgNotifications(self._database)

    @cached_property
    def statistics(self) -> Statistics:
        from photofinish.adapters.postgres.statistics import PgStatistics

        return PgStatistics(self._database)

    @cached_property
    def budgets(self) -> Budgets:
        from photofinish.adapters.postgres.budgets import PgBudgets

        return PgBudgets(self._database)

    @cached_property
    def video_parts(self) -> VideoParts:
        from photofinish.adapters.postgres.video_parts import PgVideoParts

        return PgVideoParts(self._database)

    @cached_property
    def task_times(self) -> TaskTimes:
        from photofinish.adapters.postgres.task_times import PgTaskTimes

        return PgTaskTimes(self._database)

    def await_database(self) -> None:
        """Connect to the database; raises Unavailable if it cannot be reached within PHOTOFINISH_DATABASE_WAIT_S."""
        with self._database.transaction():
            pass

    def database_answers(self) -> bool:
        """Whether the database answers now."""
        return self._database.answers()

    @cached_property
    def _database(self) -> Database:
        from photofinish.adapters.postgres.database import Database

        settings = DatabaseSettings.from_env()
        return Database(settings.database_url.get_secret_value(), first_connection_timeout_s=settings.database_wait_s)

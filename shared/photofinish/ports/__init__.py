"""What the application needs from outside, as protocols in the words of the domain; import them from this package.

Every implementation keeps the promises of these docstrings. One contract suite (tests/contract/) runs against all of
them, including the in-memory doubles of ``adapters/memory``. All methods may raise
:class:`photofinish.errors.Unavailable`.
"""

from __future__ import annotations

from photofinish.ports.access import (
    ALIKE_WITHIN_S,
    AccessDocuments,
    AccessProjection,
    AccessStore,
    Expired,
    PendingAccess,
)
from photofinish.ports.album_contents import AlbumContents, PhotoRows, ToldEvent
from photofinish.ports.album_policies import AlbumPolicies
from photofinish.ports.album_reading import AlbumReading, NearFaces, SeenBib, SeenDepiction, SeenFace
from photofinish.ports.albums import AlbumRules, Albums, AlbumSummary
from photofinish.ports.audit import AuditAnchors, AuditReading
from photofinish.ports.batches import Batches, UnknownBatch
from photofinish.ports.bibs import (
    AnalyzedVersion,
    BibCorrections,
    BibProjection,
    BibRescoring,
    ReadAgain,
    UnknownPhoto,
)
from photofinish.ports.camera_clocks import CameraClocks
from photofinish.ports.clusters import Clusters
from photofinish.ports.consents import Consents, SuppressionList
from photofinish.ports.costs import Budgets, HaltedAlbums, TaskTimes
from photofinish.ports.documents import Documents, PhotoRecord
from photofinish.ports.downloads import KeptDownloads
from photofinish.ports.enrolments import EnrolmentPictures, Enrolments
from photofinish.ports.erasures import (
    Buried,
    ErasableDocuments,
    ErasableObjects,
    Erasures,
    ObjectVersion,
    Tombstones,
)
from photofinish.ports.event_log import EventLog, EventPage
from photofinish.ports.face_index import ErasedMeanwhile, FaceIndex, IndexedFace
from photofinish.ports.idempotency import AnswerClaim, KeptAnswer, KeptAnswers, NotClaimed
from photofinish.ports.liveness import LivenessCheck
from photofinish.ports.people import (
    People,
    PeopleChanges,
    PeopleDocuments,
    PeopleNumbers,
    PeopleProjection,
    PersonFace,
    PersonMatch,
    Users,
)
from photofinish.ports.photos import (
    BucketKind,
    DerivedObjects,
    Originals,
    PhotoLinks,
    PhotoStore,
    PhotoUploads,
    SignedUpload,
    UploadedFile,
)
from photofinish.ports.receipts import ReceiptKey, ReceiptStore, UnknownReceipt
from photofinish.ports.rekognition import COLLECTION_BUCKET, Collection, CollectionFace, Collections
from photofinish.ports.retention import RetentionRecords, RetentionRuns
from photofinish.ports.shares import (
    AlbumCards,
    AlbumDocuments,
    FaceFeedback,
    FindMeFeedback,
    Sessions,
    Shares,
)
from photofinish.ports.statistics import Statistics
from photofinish.ports.subscriptions import (
    Channels,
    Notification,
    NotificationChannel,
    NotificationClaim,
    Notifications,
    Sent,
    SubscriptionCount,
    Subscriptions,
    UnknownSubscription,
)
from photofinish.ports.video_parts import VideoParts
from photofinish.ports.webhooks import (
    Claim,
    Finished,
    Match,
    NotSent,
    UnknownDelivery,
    UnknownWebhook,
    WebhookAnswer,
    WebhookChange,
    WebhookDeliveries,
    WebhookMessages,
    Webhooks,
    WebhookSender,
)
from photofinish.ports.work import GpuStates, JobLauncher, LeasedWork, ResultEvents, TaskLeases, WorkItem, WorkQueue

__all__ = [
    "ALIKE_WITHIN_S",
    "COLLECTION_BUCKET",
    "AccessDocuments",
    "AccessProjection",
    "AccessStore",
    "AlbumCards",
    "AlbumContents",
    "AlbumDocuments",
    "AlbumPolicies",
    "AlbumReading",
    "AlbumRules",
    "AlbumSummary",
    "Albums",
    "AnalyzedVersion",
    "AnswerClaim",
    "AuditAnchors",
    "AuditReading",
    "Batches",
    "BibCorrections",
    "BibProjection",
    "BibRescoring",
    "BucketKind",
    "Budgets",
    "Buried",
    "CameraClocks",
    "Channels",
    "Claim",
    "Clusters",
    "Collection",
    "CollectionFace",
    "Collections",
    "Consents",
    "DerivedObjects",
    "Documents",
    "EnrolmentPictures",
    "Enrolments",
    "ErasableDocuments",
    "ErasableObjects",
    "ErasedMeanwhile",
    "Erasures",
    "EventLog",
    "EventPage",
    "Expired",
    "FaceFeedback",
    "FaceIndex",
    "FindMeFeedback",
    "Finished",
    "GpuStates",
    "HaltedAlbums",
    "IndexedFace",
    "JobLauncher",
    "KeptAnswer",
    "KeptAnswers",
    "KeptDownloads",
    "LeasedWork",
    "LivenessCheck",
    "Match",
    "NearFaces",
    "NotClaimed",
    "NotSent",
    "Notification",
    "NotificationChannel",
    "NotificationClaim",
    "Notifications",
    "ObjectVersion",
    "Originals",
    "PendingAccess",
    "People",
    "PeopleChanges",
    "PeopleDocuments",
    "PeopleNumbers",
    "PeopleProjection",
    "PersonFace",
    "PersonMatch",
    "PhotoLinks",
    "PhotoRecord",
    "PhotoRows",
    "PhotoStore",
    "PhotoUploads",
    "ReadAgain",
    "ReceiptKey",
    "ReceiptStore",
    "ResultEvents",
    "RetentionRecords",
    "RetentionRuns",
    "SeenBib",
    "SeenDepiction",
    "SeenFace",
    "Sent",
    "Sessions",
    "Shares",
    "SignedUpload",
    "Statistics",
    "SubscriptionCount",
    "Subscriptions",
    "SuppressionList",
    "TaskLeases",
    "TaskTimes",
    "ToldEvent",
    "Tombstones",
    "UnknownBatch",
    "UnknownDelivery",
    "UnknownPhoto",
    "UnknownReceipt",
    "UnknownSubscription",
    "UnknownWebhook",
    "UploadedFile",
    "Users",
    "VideoParts",
    "WebhookAnswer",
    "WebhookChange",
    "WebhookDeliveries",
    "WebhookMessages",
    "WebhookSender",
    "Webhooks",
    "WorkItem",
    "WorkQueue",
]

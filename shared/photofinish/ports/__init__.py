"""What the application needs from outside, as protocols in the words of the domain; import them from this package.

Every implementation keeps the promises of these docstrings. One contract suite (tests/contract/) runs against all of
them, including the in-memory doubles of ``adapters/memory``. All methods may raise
:class:`photofinish.errors.Unavailable`.
"""

from __future__ import annotations

from photofinish.ports.access import ALIKE_WITHIN_S, AccessStore, Expired
from photofinish.ports.album_reading import AlbumReading, NearFaces, SeenBib, SeenFace
from photofinish.ports.albums import AlbumRules, Albums, AlbumSummary
from photofinish.ports.clusters import Clusters
from photofinish.ports.documents import Documents, PhotoRecord
from photofinish.ports.enrolments import EnrolmentPictures, Enrolments
from photofinish.ports.face_index import FaceIndex, IndexedFace
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
from photofinish.ports.photos import BucketKind, PhotoLinks, PhotoStore, PhotoUploads, SignedUpload, UploadedFile
from photofinish.ports.rekognition import COLLECTION_BUCKET, Collection, CollectionFace, Collections
from photofinish.ports.work import JobLauncher, LeasedWork, ResultEvents, TaskLeases, WorkItem, WorkQueue

__all__ = [
    "ALIKE_WITHIN_S",
    "COLLECTION_BUCKET",
    "AccessStore",
    "AlbumReading",
    "AlbumRules",
    "AlbumSummary",
    "Albums",
    "BucketKind",
    "Clusters",
    "Collection",
    "CollectionFace",
    "Collections",
    "Documents",
    "EnrolmentPictures",
    "Enrolments",
    "Expired",
    "FaceIndex",
    "IndexedFace",
    "JobLauncher",
    "LeasedWork",
    "NearFaces",
    "People",
    "PeopleChanges",
    "PeopleDocuments",
    "PeopleNumbers",
    "PeopleProjection",
    "PersonFace",
    "PersonMatch",
    "PhotoLinks",
    "PhotoRecord",
    "PhotoStore",
    "PhotoUploads",
    "ResultEvents",
    "SeenBib",
    "SeenFace",
    "SignedUpload",
    "TaskLeases",
    "UploadedFile",
    "Users",
    "WorkItem",
    "WorkQueue",
]

"""Which files are decisive, and which tests must find their mutants, the fastest first."""

from __future__ import annotations

_SIMULATION = "tests/faults/test_simulation.py"
_PORTS = "tests/contract/ports/test_"
_PEOPLE = "tests/contract/people/test_"
_PUBSUB = "tests/contract/emulators/pubsub/test_"
_SQL = "shared/photofinish/adapters/postgres/sql/"
_SHARED = "shared/photofinish/"
_FIRESTORE_SERVER = "emulators/photofinish_emulators/firestore/"
_LISTENING = "tests/unit/emulators/firestore/test_listening_machine.py"
_TOPIC = "tests/unit/emulators/pubsub/test_topic_machine.py"
_PUBSUB_SERVER = "emulators/photofinish_emulators/pubsub/"

AREAS: dict[str, dict[str, tuple[str, ...]]] = {
    "worker": {
        "gpu_jobs/photofinish_jobs/lease_keeper.py": ("tests/unit/jobs/test_lease_keeper.py", _SIMULATION),
        "gpu_jobs/photofinish_jobs/worker.py": ("tests/unit/jobs/test_worker.py", _SIMULATION),
    },
    "commit": {
        f"{_SHARED}application/commit.py": (
            "tests/unit/jobs/test_photo_projection.py",
            "tests/unit/jobs/test_superseded.py",
            "tests/unit/jobs/test_worker.py",
            _SIMULATION,
            "tests/faults/test_erasing.py",
        ),
        f"{_SHARED}application/superseded.py": ("tests/unit/jobs/test_superseded.py", _SIMULATION),
    },
    "queue": {
        f"{_SHARED}adapters/google/pubsub.py": ("tests/unit/adapters/test_pubsub_requests.py",),
        f"{_SHARED}adapters/google/lane_pulls.py": ("tests/unit/adapters/test_lane_pulls.py",),
        f"{_SHARED}domain/work.py": ("tests/unit/domain/test_work.py",),
        f"{_SHARED}domain/lanes.py": ("tests/unit/domain/test_lanes.py",),
    },
    "ingest": {
        f"{_SHARED}application/ingest.py": (
            "tests/unit/functions/test_duplicates.py",
            "tests/unit/functions/test_functions.py",
            "tests/unit/jobs/test_worker.py",
            "tests/faults/test_queueing_crashes.py",
            "tests/faults/test_fairness.py",
            _SIMULATION,
        ),
        f"{_SHARED}application/reconcile.py": (
            "tests/unit/functions/test_scheduled_reconcile.py",
            "tests/unit/functions/test_duplicates.py",
            "tests/unit/functions/test_functions.py",
            "tests/faults/test_queueing_crashes.py",
        ),
    },
    "documents": {
        f"{_SHARED}adapters/google/documents.py": (f"{_PORTS}documents.py",),
        f"{_SHARED}adapters/google/document_queries.py": (f"{_PORTS}documents.py",),
        f"{_SHARED}domain/photo_document.py": ("tests/unit/functions/test_duplicates.py", f"{_PORTS}documents.py"),
    },
    "sql": {
        f"{_SQL}people.sql": (f"{_PEOPLE}people.py", f"{_PEOPLE}changes.py"),
        f"{_SQL}people_changes.sql": (f"{_PEOPLE}changes.py", f"{_PEOPLE}people.py"),
        f"{_SQL}people_clusters.sql": (f"{_PEOPLE}clustering_runs.py",),
        f"{_SQL}people_enrolments.sql": ("tests/contract/people/test_enrolment.py", f"{_PEOPLE}people.py"),
        f"{_SQL}people_journal.sql": (f"{_PEOPLE}changes.py", f"{_PEOPLE}decisions.py"),
        f"{_SQL}face_index.sql": (
            f"{_PORTS}face_index_writing.py",
            f"{_PORTS}face_index_reading.py",
            f"{_PORTS}face_index_in_postgres.py",
            f"{_PORTS}searching_pages.py",
        ),
        f"{_SQL}bibs.sql": (f"{_PORTS}bibs.py", f"{_PORTS}face_index_writing.py"),
        f"{_SQL}album_reading.sql": (f"{_PORTS}album_reading.py", f"{_PORTS}searching_pages.py"),
        f"{_SQL}erasing.sql": (f"{_PORTS}personal_tables.py", "tests/faults/test_erasing.py"),
        f"{_SQL}events.sql": (f"{_PORTS}event_log.py",),
        f"{_SQL}batches.sql": (f"{_PORTS}batches.py",),
        f"{_SQL}shares.sql": (f"{_PORTS}shares.py",),
        f"{_SQL}access.sql": (f"{_PORTS}access_store.py",),
        f"{_SQL}webhooks.sql": (f"{_PORTS}webhooks.py",),
        f"{_SQL}consents.sql": (f"{_PORTS}consents.py",),
    },
    "pubsub": {
        f"{_PUBSUB_SERVER}deadlines.py": ("tests/unit/emulators/pubsub/test_deadlines.py",),
        f"{_PUBSUB_SERVER}delivery.py": (
            "tests/unit/emulators/pubsub/test_delivery.py",
            _TOPIC,
            f"{_PUBSUB}ordering.py",
            f"{_PUBSUB}snapshots.py",
            f"{_PUBSUB}pull.py",
        ),
        f"{_PUBSUB_SERVER}lifecycle.py": ("tests/unit/emulators/pubsub/test_delivery.py", f"{_PUBSUB}ordering.py"),
        f"{_PUBSUB_SERVER}ordering.py": ("tests/unit/emulators/pubsub/test_delivery.py", f"{_PUBSUB}ordering.py"),
        f"{_PUBSUB_SERVER}snapshots.py": (_TOPIC, f"{_PUBSUB}snapshots.py"),
        f"{_PUBSUB_SERVER}backlog.py": (
            "tests/unit/emulators/pubsub/test_delivery.py",
            f"{_PUBSUB}ordering.py",
            f"{_PUBSUB}snapshots.py",
        ),
    },
    "listeners": {
        f"{_FIRESTORE_SERVER}listen.py": (_LISTENING, "tests/contract/emulators/firestore/test_listeners.py"),
        f"{_FIRESTORE_SERVER}targets.py": (_LISTENING, "tests/contract/emulators/firestore/test_listeners.py"),
    },
    "clustering": {
        f"{_SHARED}application/people/clustering.py": (
            "tests/unit/people/test_clustering.py",
            "tests/unit/people/test_deciding.py",
            f"{_PEOPLE}clustering_runs.py",
        ),
        f"{_SHARED}application/people/assignment.py": (
            "tests/unit/people/test_clustering.py",
            "tests/unit/people/test_deciding.py",
            f"{_PEOPLE}clustering_runs.py",
        ),
        f"{_SHARED}application/people/linkage.py": ("tests/unit/people/test_clustering.py",),
        f"{_SHARED}domain/album_clusters.py": (
            "tests/unit/people/test_rules.py",
            "tests/unit/people/test_clustering.py",
            f"{_PEOPLE}clustering_runs.py",
        ),
        f"{_SHARED}domain/people_rules.py": ("tests/unit/people/test_rules.py",),
        f"{_SHARED}domain/people.py": (
            "tests/unit/people/test_deciding.py",
            "tests/unit/people/test_rules.py",
            "tests/contract/people/test_enrolment.py",
        ),
    },
    "calibration": {
        f"{_SHARED}domain/album_calibration.py": ("tests/unit/people/test_deciding.py",),
        f"{_SHARED}domain/matching.py": ("tests/unit/domain/test_matching.py",),
        f"{_SHARED}domain/start_list.py": ("tests/unit/domain/test_start_list.py",),
    },
    "limits": {
        f"{_SHARED}analysis/imaging/decoded.py": (
            "tests/unit/imaging/test_decoding.py",
            "tests/contract/imaging/test_bad_input.py",
        ),
        f"{_SHARED}analysis/imaging/jpeg_structure.py": (
            "tests/unit/imaging/test_jpeg_structure.py",
            "tests/contract/imaging/test_bad_input.py",
            "tests/unit/imaging/test_broken_files.py",
        ),
        f"{_SHARED}domain/announced.py": ("tests/unit/domain/test_announced.py",),
    },
}

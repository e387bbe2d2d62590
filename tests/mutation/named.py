"""Mutants made by hand: mistakes that would cost photos, among them all that once survived (`make mutate-named`)."""

from __future__ import annotations

from dataclasses import dataclass

from mutation.generating import ROOT, Mutant

_KEEPER = "gpu_jobs/photofinish_jobs/lease_keeper.py"
_WORKER = "gpu_jobs/photofinish_jobs/worker.py"
_COMMIT = "shared/photofinish/application/commit.py"
_GOOGLE = "shared/photofinish/adapters/google/"
_QUEUE = f"{_GOOGLE}pubsub.py"
_DOCUMENTS = f"{_GOOGLE}documents.py"
_ENTRY_POINTS = "functions/photofinish_functions/entry_points.py"
_RECONCILE = "shared/photofinish/application/reconcile.py"
_ORDERING = "emulators/photofinish_emulators/pubsub/ordering.py"

_OF_KEEPER = ("tests/unit/jobs/test_lease_keeper.py",)
_OF_SIMULATION = ("tests/faults/test_simulation.py",)
_OF_WORKER = ("tests/unit/jobs/test_worker.py", *_OF_SIMULATION)
_OF_QUEUE = ("tests/unit/adapters/test_pubsub_requests.py",)
_OF_DOCUMENTS = ("tests/contract/ports/test_documents.py",)
_OF_FUNCTIONS = ("tests/unit/functions/test_scheduled_reconcile.py", "tests/unit/functions/test_functions.py")
_OF_ORDERING = ("tests/unit/emulators/pubsub/test_delivery.py",)


@dataclass(frozen=True)
class Named:
    """Replaces the only place of a file that says `old`."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def mutant(self) -> Mutant:
        source = (ROOT / self.file).read_text()
        found = source.count(self.old)
        if found != 1:
            raise ValueError(
                f"{self.file} has what the mutant {self.name!r} replaces {found} times, not once. If you changed that "
                f"line, change the mutant in tests/mutation/named.py, too: {self.old!r}"
            )
        return Mutant(self.file, "by hand", source.replace(self.old, self.new), name=self.name)


NAMED = (
    Named(
        "the queue adapter extends by 0",
        _QUEUE,
        "ack_deadline_seconds=deadline_s,",
        "ack_deadline_seconds=0,",
        _OF_QUEUE,
    ),
    Named(
        "the keeper extends by 0",
        _KEEPER,
        "for ack_id, _ in held], deadline_s=self._ack_deadline_s)",
        "for ack_id, _ in held], deadline_s=0)",
        _OF_KEEPER,
    ),
    Named(
        "the lease expires at once when it is taken",
        _KEEPER,
        "self._holds_lease = True\n        self.leases.heartbeat(self.lease_id, expires_in_s=3 * self._heartbeat_s)",
        "self._holds_lease = True\n        self.leases.heartbeat(self.lease_id, expires_in_s=0)",
        _OF_KEEPER,
    ),
    Named(
        "the lease expires at once when it is renewed",
        _KEEPER,
        "if self._holds_lease:\n                self.leases.heartbeat(self.lease_id, expires_in_s=3 *",
        "if self._holds_lease:\n                self.leases.heartbeat(self.lease_id, expires_in_s=0 *",
        _OF_KEEPER,
    ),
    Named(
        "pulled messages are not held",
        _KEEPER,
        "self._held |= {work.ack_id: (work, now) for work in works}",
        "pass",
        _OF_KEEPER,
    ),
    Named("messages are never dropped", _KEEPER, "self._held.pop(work.ack_id, None)", "pass", _OF_KEEPER),
    Named("leases are never renewed", _KEEPER, "                keep()", "                pass", _OF_KEEPER),
    Named(
        "what is given back waits for its deadline",
        _KEEPER,
        "self._queue.extend([work.ack_id for work in works], deadline_s=0)",
        "pass",
        _OF_KEEPER,
    ),
    Named(
        "photos that are final are analysed again",
        _WORKER,
        "return [work for work in works if work.item.photo in needed]",
        "return list(works)",
        _OF_WORKER,
    ),
    Named(
        "messages of final photos are not acknowledged",
        _WORKER,
        "self._keeper.ack(repeated)",
        "pass",
        _OF_WORKER,
    ),
    Named(
        "messages are acknowledged before the commit",
        _WORKER,
        "            if isinstance(result, RejectedInput):\n                self._committer.reject(",
        "            self._keeper.ack([work])\n"
        "            if isinstance(result, RejectedInput):\n                self._committer.reject(",
        _OF_WORKER,
    ),
    Named(
        "index and bucket keep what a task wrote of a version that is not the newest any more",
        _COMMIT,
        "            if wrote_result:\n                self._index.remove(photo)",
        "            if False:\n                self._index.remove(photo)",
        _OF_SIMULATION,
    ),
    Named(
        "a suspect is tried while other photos are in flight",
        _WORKER,
        "pipeline.wait_until_at_most(0)\n            self._try([batch[plan.alone]]",
        "pipeline.wait_until_at_most(1)\n            self._try([batch[plan.alone]]",
        _OF_WORKER,
    ),
    Named(
        "suspects are not sorted by their attempts",
        "shared/photofinish/domain/work.py",
        "alone = min(suspects, key=lambda position: open_attempts[position])",
        "alone = suspects[0]",
        ("tests/unit/domain/test_work.py",),
    ),
    Named(
        "the result is published before the document is final",
        _COMMIT,
        "        is_recorded = self._documents.record_final(photo, PhotoStatus.DONE, fields, unless_failed=True)",
        "        self._events.publish_result(photo, PhotoStatus.DONE)\n"
        "        is_recorded = self._documents.record_final(photo, PhotoStatus.DONE, fields, unless_failed=True)",
        _OF_WORKER,
    ),
    Named(
        "a reading that may miss digits is shown as a whole one",
        "shared/photofinish/application/bibs/projection.py",
        '"partial": bib.partial',
        '"partial": not bib.partial',
        _OF_WORKER,
    ),
    Named(
        "a sidecar says the opposite of what may miss digits",
        "shared/photofinish/domain/sidecar.py",
        '"partial": bib.partial',
        '"partial": not bib.partial',
        ("tests/unit/jobs/test_photo_projection.py", "tests/unit/domain/test_stored_analysis.py"),
    ),
    Named(
        "the hourly run compares everything, the full one only the last day",
        _ENTRY_POINTS,
        "uploaded_since=None if full else",
        "uploaded_since=None if not full else",
        _OF_FUNCTIONS,
    ),
    Named(
        "a message never requests a full run",
        "functions/photofinish_functions/events.py",
        'return bool(request.get("full", False))',
        "return False",
        _OF_FUNCTIONS,
    ),
    Named(
        "photos uploaded before the hourly run's window are compared",
        _RECONCILE,
        "photo.uploaded_at >= uploaded_since",
        "photo.uploaded_at <= uploaded_since",
        (*_OF_FUNCTIONS, "tests/unit/functions/test_duplicates.py"),
    ),
    Named(
        "a new version's result is merged over an older one's",
        _DOCUMENTS,
        "merge = is_version(state, photo)  # otherwise replaces the document of an older version",
        "merge = True",
        _OF_DOCUMENTS,
    ),
    Named(
        "processing of a new version is merged over the older one's result",
        _DOCUMENTS,
        "                    merge=is_version(state, ref),",
        "                    merge=True,",
        _OF_DOCUMENTS,
    ),
    Named(
        "a listing of photos stops at 500",
        f"{_GOOGLE}document_queries.py",
        "            if len(page) < _PAGE:\n                return",
        "            return",
        _OF_DOCUMENTS,
    ),
    Named(
        "refused pictures of an enrolment cluster",
        "shared/photofinish/adapters/postgres/sql/people_clusters.sql",
        "WHERE person.album_id = %(album_id)s AND status = 'accepted'\nORDER BY upload_id",
        "WHERE person.album_id = %(album_id)s\nORDER BY upload_id",
        ("tests/contract/people/test_clustering_runs.py",),
    ),
    Named(
        "an undo does not free the user ids that it restores",
        "shared/photofinish/adapters/postgres/people/undo.py",
        'conn.execute(_query("free_user_ids"), {"person_ids": list(people)})',
        "pass",
        ("tests/contract/people/test_changes.py",),
    ),
    Named(
        "several missing digits cost as much as one",
        "shared/photofinish/domain/start_list.py",
        "cost = math.prod(_cost_of_missing(character, partial and at_the_end) for character in lost)",
        "cost = _cost_of_missing(lost[0], partial and at_the_end)",
        ("tests/unit/domain/test_start_list.py",),
    ),
    Named(
        "a file of exactly the limit is too large",
        "shared/photofinish/domain/work.py",
        "if size_bytes > max_bytes:",
        "if size_bytes >= max_bytes:",
        ("tests/unit/domain/test_work.py",),
    ),
    Named(
        "a picture of exactly the limit has too many pixels",
        "shared/photofinish/analysis/imaging/decoded.py",
        "if width * height > limit:",
        "if width * height >= limit:",
        ("tests/contract/imaging/test_bad_input.py",),
    ),
    Named(
        "a picture of exactly the smallest side is too small",
        "shared/photofinish/analysis/imaging/decoded.py",
        "if min(width, height) < self.min_side:",
        "if min(width, height) <= self.min_side:",
        ("tests/contract/imaging/test_bad_input.py",),
    ),
    Named(
        "an ordered message overtakes one that backs off",
        _ORDERING,
        "        return key is None or (key.head() is None and key.admits(consumer))",
        "        return key is None or key.admits(consumer)",
        _OF_ORDERING,
    ),
    Named(
        "a seek brings what was published before the subscription was made",
        "emulators/photofinish_emulators/pubsub/broker.py",
        "own = max(own, subscription.start_id + 1)",
        "pass",
        ("tests/contract/emulators/pubsub/test_guarantees.py",),
    ),
    Named(
        "the resume token of another database is followed",
        "emulators/photofinish_emulators/firestore/listen.py",
        "if identity != self._store.identity:\n                return 0",
        "pass",
        ("tests/contract/emulators/firestore/test_listeners.py",),
    ),
)

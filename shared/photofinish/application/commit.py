"""What a task records about a photo, from the start of its analysis to its result.

Every write is keyed and guarded by generation, so repeating it changes nothing: a crash between any two writes is
healed by the next delivery, which makes all of them again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from photofinish.analysis.analyzer import AnalyzedPhoto
from photofinish.application.bibs.projection import bib_fields
from photofinish.application.consent.admission import FaceAdmission
from photofinish.application.erasing import remove_derived
from photofinish.application.superseded import remove_results, remove_superseded
from photofinish.domain.erasure import without_erased
from photofinish.domain.face import face_id
from photofinish.domain.photo import PhotoRef, PhotoStatus
from photofinish.domain.sidecar import (
    face_numbers,
    preview_name,
    sidecar,
    sidecar_bytes,
    sidecar_name,
    thumbnail_name,
)
from photofinish.domain.work import PhotoState, is_version
from photofinish.errors import RejectedInput
from photofinish.ports import (
    AlbumPolicies,
    Documents,
    ErasableObjects,
    ErasedMeanwhile,
    FaceIndex,
    PhotoStore,
    ResultEvents,
    Tombstones,
    VideoParts,
)

# A document has at most 1 MiB, and 40,000 values in indexes.
MAX_SHOWN_SCENES = 1000


class Committer:
    """Writes photos' progress and results to all stores; callers acknowledge afterwards. Threads may share it."""

    def __init__(
        self,
        store: PhotoStore,
        index: FaceIndex,
        documents: Documents,
        events: ResultEvents,
        tombstones: Tombstones,
        objects: ErasableObjects,
        admission: FaceAdmission,
        policies: AlbumPolicies,
        parts: VideoParts,
    ) -> None:
        self._store = store
        self._index = index
        self._documents = documents
        self._events = events
        self._tombstones = tombstones
        self._objects = objects
        self._admission = admission
        self._policies = policies
        self._parts = parts

    def begin(self, photos: Sequence[PhotoRef], *, worker: str) -> set[PhotoRef]:
        """Mark photos as processing and return those that still need analysis.

        The stores are brought to the state of one that is already final, in case its task died before it could.
        """
        needed = self._documents.record_processing(photos, worker=worker)
        if repeated := [photo for photo in photos if photo not in needed]:
            states = self._documents.states(repeated)
            for photo in repeated:
                self._follow(states.get(photo), photo)
        return needed

    def open_attempts(self, photos: Sequence[PhotoRef]) -> list[int]:
        """Return :attr:`PhotoState.open_attempts` of each photo, in order."""
        states = self._documents.states(photos)
        found = [states.get(photo) for photo in photos]
        return [
            state.open_attempts if is_version(state, photo) and not state.is_final else 0
            for state, photo in zip(found, photos, strict=True)
        ]

    def commit(self, photo: PhotoRef, analyzed: AnalyzedPhoto, *, fetch_ms: float) -> None:
        """Write a result: sidecar ▸ preview and thumbnail ▸ Postgres ▸ Firestore ▸ result message.

        Where only results are kept, there are no such pictures. Those that were written before the album's policy said
        so are removed by :class:`photofinish.application.retention.Retention`.
        What is erased is left out, and of faces that may not be indexed only the boxes are written. Both questions are
        asked again after the index was written, the album's policy included: a person may be erased or opt out
        meanwhile. People who do so later are found in the index.

        The document decides: where it has a newer version of the photo, or another result of this one, the index and
        the bucket follow it. Where this result is recorded, the objects of earlier results go. A photo that was given
        up meanwhile may have been taken out of the index (:mod:`photofinish.application.unindexing`): it is indexed
        again once its document says that it has a result.
        """
        version = analyzed.pipeline_version
        while True:
            asked = time.perf_counter()
            policy = self._policies.policy(photo.album)
            has_renditions = policy.keep_originals
            erased = self._tombstones.erased(photo)
            if erased.is_photo:
                self._remove_derived(photo)
                return
            analysis = self._admission.admit(photo.album, without_erased(analyzed.analysis, erased), policy)
            answered = time.perf_counter()
            document = sidecar(photo, analysis, version)
            self._put_objects(photo, document, analyzed, has_renditions=has_renditions)
            stored = time.perf_counter()
            try:
                shown = self._index.replace(photo, version, analysis)
            except ErasedMeanwhile:
                continue
            indexed = time.perf_counter()
            if self._admission.admit(photo.album, analysis) is analysis:
                asked_again_s = time.perf_counter() - indexed
                break
        if shown is None:  # erased, or a newer version is indexed
            if self._tombstones.erased(photo).is_photo:
                self._remove_derived(photo)
                return
            state = self._documents.states([photo]).get(photo)
            if state is not None and state.generation > photo.generation:
                self._follow(state, photo, wrote_result=True)
                return
        # The sidecar has the times of the analysis; these are known only after it is written.
        io_ms = {
            "fetch": fetch_ms,
            "consent": (answered - asked + asked_again_s) * 1000,
            "store": (stored - answered) * 1000,
            "index": (indexed - stored) * 1000,
        }
        fields = document_fields(photo, document, has_renditions=has_renditions) | (
            {} if shown is None else bib_fields(shown)
        )
        fields["timings_ms"] = fields["timings_ms"] | {stage: round(ms, 2) for stage, ms in io_ms.items()}
        is_recorded = self._documents.record_final(photo, PhotoStatus.DONE, fields, unless_failed=True)
        if not is_recorded and self._documents.record_final(photo, PhotoStatus.DONE, fields):
            is_recorded = True
            self._index.replace(photo, version, analysis)
        if is_recorded:
            there = remove_superseded(photo, version, self._objects, after_commit=True)
            if sidecar_name(photo, version) not in there:  # a task with another pipeline was first, and removed it
                self._put_objects(photo, document, analyzed, has_renditions=has_renditions)
            if analyzed.analysis.video is not None:
                self._parts.remove(photo)
            self._events.publish_result(photo, PhotoStatus.DONE)
        else:
            self._follow(self._documents.states([photo]).get(photo), photo, wrote_result=True)

    def _put_objects(
        self, photo: PhotoRef, document: dict[str, Any], analyzed: AnalyzedPhoto, *, has_renditions: bool
    ) -> None:
        version = analyzed.pipeline_version
        # One of the same name may be of earlier answers about erasures and consent.
        self._objects.replace_derived(sidecar_name(photo, version), sidecar_bytes(document), "application/json")
        if has_renditions:
            self._store.put_derived(preview_name(photo, version), analyzed.preview_jpeg, "image/jpeg")
            self._store.put_derived(thumbnail_name(photo, version), analyzed.thumbnail_webp, "image/webp")

    def reject(self, photo: PhotoRef, rejection: RejectedInput) -> None:
        """Record why a photo cannot be analysed, and remove what was found in it or in older versions.

        First the record: where another task has recorded a result meanwhile, that stays in the search.
        """
        self._documents.record_final(photo, PhotoStatus.REJECTED, {}, error=(rejection.code, rejection.message))
        self._parts.remove(photo)
        self._follow(self._documents.states([photo]).get(photo), photo)

    def give_up(self, photo: PhotoRef, open_attempts: int) -> None:
        """Record a photo as failed that ended its task so often, in place of trying it again."""
        sentence = (
            f"The analysis of this photo ended its program {open_attempts} times and was stopped. Export it as an "
            "ordinary JPEG, or run `photofinish redrive` to try it again."
        )
        self._documents.record_final(photo, PhotoStatus.FAILED, {}, error=("ended_its_task", sentence))
        self._follow(self._documents.states([photo]).get(photo), photo)

    def _follow(self, state: PhotoState | None, photo: PhotoRef, *, wrote_result: bool = False) -> None:
        """Bring index, bucket and events to what the document says of `photo`.

        `wrote_result`: index and bucket just got a result of this version that the document did not take.
        """
        if state is None or state.generation < photo.generation:
            return
        if state.generation > photo.generation:
            if wrote_result:
                self._index.remove(photo)
                remove_results(photo, self._objects)
        elif state.status is PhotoStatus.ERASED:
            self._remove_derived(photo)  # written by a task that did not know of the erasure
        elif state.is_final:
            if state.status is PhotoStatus.REJECTED:
                self._index.remove(photo)
                remove_results(photo, self._objects)
            elif state.status is PhotoStatus.DONE:
                record = self._documents.get(photo.album, photo.photo_id)
                if record is not None and record.ref == photo and "pipeline_version" in record.fields:
                    remove_superseded(photo, record.fields["pipeline_version"], self._objects)
            self._events.publish_result(photo, state.status)

    def _remove_derived(self, photo: PhotoRef) -> None:
        remove_derived(photo, self._objects, self._tombstones)

    def note_failure(self, photos: Sequence[PhotoRef], reason: str) -> None:
        """Record why this attempt failed, for operators; the photos stay unfinished."""
        self._documents.note_failure(photos, reason)


def document_fields(photo: PhotoRef, document: Mapping[str, Any], *, has_renditions: bool) -> dict[str, Any]:
    """Build the photo's Firestore fields from its sidecar, without its bibs: a projection that can be rebuilt.

    Embeddings are never included.
    """
    version = document["pipeline_version"]
    placeholder = document.get("placeholder")
    has_thumbnail = has_renditions and placeholder is not None
    return {
        "image": document["image"],
        "warnings": document.get("warnings", []),
        "has_warnings": bool(document.get("warnings")),
        "sharpness": document["sharpness"],
        "faces": [
            {
                "face_id": face_id(photo, version, number),
                "box": face["box"],
                "detection_score": face["detection_score"],
                "sharpness": face["sharpness"],
                "quality": face["quality"],
                "person_id": None,
            }
            | ({name: face[name] for name in ("seen_s", "poster_box")} if "sightings" in face else {})
            for number, face in zip(face_numbers(document), document["faces"], strict=True)
        ],
        "face_areas": document.get("face_areas", []),
        "withheld_faces": [{"box": face["box"]} for face in document.get("withheld_faces", ())],
        "text": [line["text"] for line in document["text"]],
        "sidecar": sidecar_name(photo, version),
        "renditions": {
            "preview": preview_name(photo, version) if has_renditions else None,
            "thumbnail": thumbnail_name(photo, version) if has_thumbnail else None,
        },
        "placeholder": placeholder,
        "pipeline_version": version,
        "models": document["models"],
        "timings_ms": document["timings_ms"],
    } | _video_fields(document)


def _video_fields(document: Mapping[str, Any]) -> dict[str, Any]:
    """Of a video; absent in photos."""
    if "video" not in document:
        return {}
    video = document["video"]
    scenes = video["scenes"]
    return {"kind": "video", "video": video | {"scenes": scenes[:MAX_SHOWN_SCENES], "scene_count": len(scenes)}}

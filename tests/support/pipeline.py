"""A whole pipeline on the in-memory adapters: real steps, and an analyzer that reads toy photos."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import ClassVar, Self

import numpy as np

from photofinish.adapters.memory.album_policies import MemoryAlbumPolicies
from photofinish.adapters.memory.album_rules import MemoryAlbumRules
from photofinish.adapters.memory.budgets import MemoryHaltedAlbums
from photofinish.adapters.memory.clock import VirtualClock
from photofinish.adapters.memory.consents import MemoryConsents, MemorySuppressionList
from photofinish.adapters.memory.documents import MemoryDocuments
from photofinish.adapters.memory.face_index import MemoryFaceIndex
from photofinish.adapters.memory.photo_store import MemoryPhotoStore
from photofinish.adapters.memory.task_times import MemoryTaskTimes
from photofinish.adapters.memory.tombstones import MemoryTombstones
from photofinish.adapters.memory.video_parts import MemoryVideoParts
from photofinish.adapters.memory.work import MemoryJobLauncher, MemoryResultEvents, MemoryTaskLeases, MemoryWorkQueue
from photofinish.analysis.analyzer import CPU_BATCH_LIMIT, AnalyzedPhoto
from photofinish.analysis.video.ranges import Fetch
from photofinish.application.album_budgets import HaltedReading
from photofinish.application.commit import Committer
from photofinish.application.consent.admission import FaceAdmission
from photofinish.application.ingest import ingest, queue_rest
from photofinish.clocks import Clock, SystemClock, Waitable
from photofinish.domain.analysis import ImageInfo, PhotoAnalysis
from photofinish.domain.bib import Bib
from photofinish.domain.bib_rules import BibRules
from photofinish.domain.depiction import Depiction, Label
from photofinish.domain.face import Embedding, Face, FaceTrack
from photofinish.domain.geometry import Box
from photofinish.domain.matching import Calibration
from photofinish.domain.photo import StoredPhoto
from photofinish.domain.pose import Pose
from photofinish.domain.prices import Processor
from photofinish.domain.sharpness import Sharpness
from photofinish.domain.video import Span, VideoFacts, VideoInfo
from photofinish.errors import RejectedInput
from photofinish.ports import Tombstones, VideoParts
from photofinish.settings import JobSettings
from photofinish_jobs.lease_keeper import LeaseKeeper
from photofinish_jobs.pipeline import Commit, Pipeline
from photofinish_jobs.rules import RecentRules
from photofinish_jobs.worker import Worker
from support.videos import content_fetch

SPACE = "toy-4d"
PLACEHOLDER = bytes(range(20))
_LOOK_AGAIN_S = 0.01

TOY_DEPICTION = Depiction(
    embedding=Embedding(np.array([0.6, 0.8, 0], np.float32), "toy-pictures-1"),
    labels=(Label(name="runner", score=0.75),),
)


@dataclass(frozen=True)
class DecodedToy:
    """A decoded toy photo."""

    content: bytes
    bib_rules: BibRules
    pixels: int = 12_000_000


class ToyAnalyzer:
    """Analyses photos written by :func:`toy_photo`: deterministic, instant, and able to fail like a real analyzer."""

    pipeline_version = "toy-1"
    embedding_space = SPACE
    threads = 2
    batch_limit = CPU_BATCH_LIMIT

    def decode(self, content: bytes, bib_rules: BibRules) -> DecodedToy:
        if not content.startswith((b"{", b"poison")):
            raise RejectedInput("not_a_picture", "The file is not a picture.")
        return DecodedToy(content, bib_rules)

    def analyze_decoded(self, photos: Sequence[DecodedToy]) -> list[AnalyzedPhoto]:
        return [self._one(photo.content, photo.bib_rules) for photo in photos]

    def _one(self, content: bytes, rules: BibRules) -> AnalyzedPhoto:
        if content.startswith(b"poison"):
            raise RuntimeError("this photo breaks every model")
        truth = json.loads(content)
        faces = tuple(toy_face(vector, number) for number, vector in enumerate(truth["faces"]))
        bibs = tuple(
            Bib(
                number=number,
                ocr_score=0.9,
                box=Box(0.1, 0.5, 0.1, 0.1),
                face_index=index if index < len(faces) else None,
            )
            for index, number in enumerate(truth["bibs"])
            if rules.start_list is None or number in rules.start_list
        )
        return AnalyzedPhoto(
            analysis=PhotoAnalysis(
                image=ImageInfo(width=640, height=480, format="JPEG"),
                faces=faces,
                bibs=bibs,
                text=(),
                sharpness=Sharpness(frame=0.5, laplacian_variance=100.0, is_blurry=False),
                models={"face_embedding": SPACE},
                timings_ms={"decode": 1.0},
                placeholder=PLACEHOLDER,
                perceptual_hash=1 << 63,
                depiction=TOY_DEPICTION,
            ),
            pipeline_version="+".join(filter(None, [self.pipeline_version, rules.fingerprint])),
            preview_jpeg=b"preview of " + content,
            thumbnail_webp=b"thumbnail of " + content,
        )


VIDEO_HEAD = b"\0\0\0\x18ftypisom" + bytes(12)
"""By which a file is recognised as a video."""
TOY_SCENE_S = 10.0


class ToyVideos:
    """Analyses videos written by :func:`toy_video`, in which each person has a scene, all at the same place."""

    analysed_parts: ClassVar[list[tuple[bytes, float]]] = []
    """The content and the beginning of each part that was analysed, in all tasks."""

    def version(self, bib_rules: BibRules) -> str:
        return "+".join(filter(None, [ToyAnalyzer.pipeline_version, bib_rules.fingerprint]))

    def duration_s(self, fetch: Fetch, size_bytes: int) -> float | None:
        content = fetch(0, size_bytes).removeprefix(VIDEO_HEAD)
        return json.loads(content)["lasts_s"] if content.startswith(b"{") else None

    def analyze_part(
        self, fetch: Fetch, size_bytes: int, bib_rules: BibRules, span: Span, *, on_progress: Callable[[float], object]
    ) -> bytes:
        on_progress(span.start_s)
        content = fetch(0, size_bytes)
        self.analysed_parts.append((content, span.start_s))
        return content

    def join(self, parts: Sequence[bytes], bib_rules: BibRules) -> AnalyzedPhoto:
        [content] = set(parts)
        return self.analyze_as_photo(content_fetch(content), len(content), bib_rules, on_progress=lambda _: None)

    def analyze_as_photo(
        self, fetch: Fetch, size_bytes: int, bib_rules: BibRules, *, on_progress: Callable[[float], object]
    ) -> AnalyzedPhoto:
        content = fetch(0, size_bytes).removeprefix(VIDEO_HEAD)
        if not content.startswith(b"{"):
            raise RejectedInput("cut_off", "The video is incomplete.")
        found = ToyAnalyzer()._one(content, bib_rules)
        on_progress(0.0)
        analysis = found.analysis
        faces = tuple(_followed(face, number) for number, face in enumerate(analysis.faces))
        bibs = tuple(
            replace(bib, box=replace(bib.box, at_s=TOY_SCENE_S * number + 4))
            for number, bib in enumerate(analysis.bibs)
        )
        scenes = [
            Span(start_s=TOY_SCENE_S * number, end_s=TOY_SCENE_S * (number + 1)) for number in range(max(len(faces), 1))
        ]
        return replace(
            found,
            analysis=replace(
                analysis,
                image=ImageInfo(width=640, height=480, format="MP4"),
                faces=faces,
                bibs=bibs,
                face_areas=tuple(face.track.poster_box for face in faces if face.track and face.track.poster_box),
                perceptual_hash=None,
                video=VideoFacts(info=TOY_INFO, poster_s=3.0, scenes=tuple(scenes)),
            ),
        )


TOY_INFO = VideoInfo(
    container="MP4",
    codec="H.264",
    width=640,
    height=480,
    duration_s=None,
    frames_a_second=25,
    rotation_deg=0,
    transfer="sdr",
    audio_tracks=0,
)


def _followed(face: Face, number: int) -> Face:
    """The face of this person, first seen at three seconds of their scene and best a second later."""
    place = Box(0.3, 0.2, 0.2, 0.2)
    start_s = TOY_SCENE_S * number + 3
    return replace(
        face,
        box=replace(place, at_s=start_s + 1),
        track=FaceTrack(
            seen_s=2.0,
            sightings=(replace(place, at_s=start_s), replace(place, at_s=start_s + 1)),
            poster_box=place if number == 0 else None,
        ),
    )


def toy_video(
    faces: Sequence[Sequence[float]] = ((1, 0, 0, 0),), bibs: Sequence[str] = ("42",), *, lasts_s: float = 60
) -> bytes:
    """`lasts_s` only decides how many parts it has."""
    described = json.loads(toy_photo(faces, bibs)) | {"lasts_s": lasts_s}
    return VIDEO_HEAD + json.dumps(described).encode()


def toy_photo(faces: Sequence[Sequence[float]] = ((1, 0, 0, 0),), bibs: Sequence[str] = ("42",)) -> bytes:
    return json.dumps({"faces": [list(face) for face in faces], "bibs": list(bibs)}).encode()


def toy_face(vector: Sequence[float], number: int = 0) -> Face:
    """A face in a place of its own: erasures and corrections find faces by where they are."""
    unit = np.asarray(vector, np.float32)
    left, top = 0.1 + 0.22 * (number % 4), 0.1 + 0.22 * (number // 4)
    return Face(
        box=Box(left, top, 0.2, 0.2),
        landmarks=tuple((left + x, top + y) for x, y in ((0, 0), (0.1, 0), (0.05, 0.05), (0, 0.1), (0.1, 0.1))),
        detection_score=0.9,
        sharpness=0.6,
        quality=0.7,
        quality_reasons=(),
        pose=Pose(roll_deg=0, yaw_deg=0, pitch_deg=0),
        brightness=50,
        embedding=Embedding((unit / np.linalg.norm(unit)).astype(np.float32), SPACE),
    )


class TaskClock(VirtualClock):
    """Virtual time beside a pipeline of real threads: it stands still while photos are in flight."""

    def __init__(self) -> None:
        super().__init__()
        self.pipeline: Pipeline | None = None

    def wait(self, waitable: Waitable, timeout_s: float) -> None:
        if self.pipeline and self.pipeline.in_flight:
            waitable.wait(_LOOK_AGAIN_S)
        else:
            super().wait(waitable, timeout_s)


@dataclass
class MemoryCloud:
    """All ports, in memory."""

    store: MemoryPhotoStore = field(default_factory=MemoryPhotoStore)
    queue: MemoryWorkQueue = field(default_factory=lambda: MemoryWorkQueue(ack_deadline_s=0.05, complete=True))
    documents: MemoryDocuments = field(default_factory=MemoryDocuments)
    events: MemoryResultEvents = field(default_factory=MemoryResultEvents)
    index: MemoryFaceIndex = field(default_factory=MemoryFaceIndex)
    leases: MemoryTaskLeases = field(default_factory=MemoryTaskLeases)
    launcher: MemoryJobLauncher = field(default_factory=MemoryJobLauncher)
    tombstones: Tombstones = field(default_factory=MemoryTombstones)
    album_rules: MemoryAlbumRules = field(default_factory=MemoryAlbumRules)
    album_policies: MemoryAlbumPolicies = field(default_factory=MemoryAlbumPolicies)

    task_times: MemoryTaskTimes = field(default_factory=MemoryTaskTimes)
    video_parts: VideoParts = field(default_factory=MemoryVideoParts)
    halted_albums: MemoryHaltedAlbums = field(default_factory=MemoryHaltedAlbums)
    clock: Clock = field(default_factory=SystemClock)
    """Of its workers; `queue` and `leases` have their own, which should be the same."""

    @classmethod
    def in_virtual_time(cls, *, ack_deadline_s: float = 10, retry_delay_s: float = 30) -> Self:
        """Make a cloud whose time passes only while a task has nothing to do, and then at once."""
        clock = TaskClock()
        queue = MemoryWorkQueue(ack_deadline_s, retry_delay_s, complete=True, clock=clock)
        return cls(queue=queue, leases=MemoryTaskLeases(clock), clock=clock)

    def __post_init__(self) -> None:
        self.suppression = MemorySuppressionList(self.index)
        self.consents = MemoryConsents(self.suppression)

    @property
    def admission(self) -> FaceAdmission:
        calibration = Calibration(
            min_similarity=0.5, stranger_similarity=0.6, slope=14, offset=-4.5, selfie_min_quality=0.2
        )
        return FaceAdmission(self.album_policies, self.consents, self.suppression, lambda: {SPACE: calibration})

    def drop(self, name: str, content: bytes) -> StoredPhoto:
        """Upload and ingest one photo."""
        photo = self.store.upload(name, content)
        self.ingest(photo)
        return photo

    def ingest(self, photo: StoredPhoto) -> None:
        ingest(photo, event_at=datetime.now(UTC), documents=self.documents, queue=self.queue, events=self.events)

    def committer(self) -> Committer:
        return Committer(
            self.store,
            self.index,
            self.documents,
            self.events,
            self.tombstones,
            self.store,
            self.admission,
            self.album_policies,
            self.video_parts,
        )

    def worker(
        self, *, batch_size: int = 8, analyzer: ToyAnalyzer | None = None, pipeline_type: type[Pipeline] = Pipeline
    ) -> Worker:
        settings = JobSettings.model_construct(batch_size=batch_size, idle_exit_s=0.0, task_timeout_s=3600.0)

        def load_pipeline(commit: Commit) -> Pipeline:
            rules = RecentRules(self.album_rules)
            pipeline = pipeline_type(
                self.store,
                rules,
                analyzer or ToyAnalyzer(),  # type: ignore[arg-type]
                ToyVideos,
                commit,
                parts=self.video_parts,
                documents=self.documents,
                should_stop=lambda: worker.should_stop_videos(),
                clock=self.clock,
            )
            if isinstance(self.clock, TaskClock):
                self.clock.pipeline = pipeline
            return pipeline

        keeper = LeaseKeeper(self.queue, self.leases, "test/0", ack_deadline_s=10, heartbeat_s=10.0, clock=self.clock)
        report = partial(self.task_times.report, str(uuid.uuid4()), Processor.L4)
        halted = HaltedReading(self.halted_albums)
        rest = partial(queue_rest, documents=self.documents, queue=self.queue, events=self.events)
        worker = Worker(keeper, self.committer(), load_pipeline, settings, report, halted.among, rest)
        return worker

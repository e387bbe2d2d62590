"""Schedule clustering runs of albums: after results of photos, one run at a time, and from scratch once a day."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import numpy as np

from photofinish.application.people.assignment import ALWAYS_FULL_FACES, MIN_QUALITY, assign
from photofinish.application.people.linkage import Linkage
from photofinish.domain.album_calibration import calibrate_album, same_photo_similarities
from photofinish.domain.album_clusters import AlbumContent, AlbumSpace, Assignment
from photofinish.domain.matching import Calibration
from photofinish.errors import Unavailable
from photofinish.logs import fields
from photofinish.ports import Clusters

log = logging.getLogger(__name__)
# Results of photos come in bursts, and a document in Firestore should not be written more often.
RUN_EVERY_S = 5.0
# Runs of a large album take longer: they may take this share of the time, so that the cost per photo stays bounded.
MAX_SHARE = 0.1
MAX_WAIT_S = 60.0
MAX_ATTEMPTS = 5


def seconds_apart(took_s: float, *, run_every_s: float, max_share: float) -> float:
    """How far the beginnings of two runs of an album are apart, the last of which took `took_s`."""
    return min(max(run_every_s, took_s / max_share), MAX_WAIT_S)


def seconds_to_wait(ran_at: datetime, now: datetime, apart_s: float) -> float:
    """How long the next run waits; never longer than `apart_s`, should the last have run on a clock that is ahead."""
    left_s = (ran_at - now).total_seconds() + apart_s
    return min(max(left_s, 0.0), apart_s)


class PeopleClustering:
    """Clusters albums. Several processes may run it; each album is clustered by one of them at a time."""

    def __init__(
        self,
        clusters: Clusters,
        calibrations: Mapping[str, Calibration],
        *,
        publish: Callable[[str], object],
        run_every_s: float = RUN_EVERY_S,
        max_share: float = MAX_SHARE,
    ) -> None:
        """`calibrations` by embedding space (other spaces are not clustered); `publish` is called after each run.

        Runs of an album begin `run_every_s` after the last one at the earliest, and take `max_share` of the time.
        """
        self._clusters = clusters
        self._calibrations = calibrations
        self._publish = publish
        self._run_every_s = run_every_s
        self._max_share = max_share
        self._took_s: dict[str, float] = {}
        """Album → duration of its last run in this process."""
        self._about_to_run: set[str] = set()
        """Albums whose next run is waiting in this process: it will see all photos indexed by then."""

    def photo_changed(self, album: str) -> None:
        """Cluster the album of a photo with a new result, unless another run will include the photo."""
        if album in self._about_to_run:
            return  # should that run fail, the message that started it is delivered again
        self._clusters.request(album)
        self.run_waiting(album)

    def run_waiting(self, album: str) -> None:
        """Cluster the album until no request is left, or another process clusters it."""
        while True:
            with self._clusters.exclusively(album) as alone:
                if not alone:
                    return  # the running process checks for new requests when it is done
                self._about_to_run.add(album)
                try:
                    self._wait_for_turn(album)
                finally:
                    self._about_to_run.remove(album)
                self._run(album, full=False)
            state = self._clusters.state(album)
            if state is None or state.requested <= state.handled:
                return

    def sweep(self, *, full: bool) -> int:
        """Cluster all albums with requests; with `full` from scratch, all changed since their last full run."""
        albums = self._clusters.changed_since_full() if full else self._clusters.waiting()
        for album in albums:
            if full:
                self.run_full(album)
            else:
                self.run_waiting(album)
        return len(albums)

    def run_full(self, album: str) -> bool:
        """Cluster the album from scratch; False where another process is clustering it, or it is unknown."""
        with self._clusters.exclusively(album) as alone:
            return alone and self._run(album, full=True)

    def _wait_for_turn(self, album: str) -> None:
        state = self._clusters.state(album)
        if state is not None and state.ran_at is not None:
            apart_s = seconds_apart(
                self._took_s.get(album, 0.0), run_every_s=self._run_every_s, max_share=self._max_share
            )
            time.sleep(seconds_to_wait(state.ran_at, datetime.now(UTC), apart_s))

    def _run(self, album: str, *, full: bool) -> bool:
        min_similarity = {space: calibration.min_similarity for space, calibration in self._calibrations.items()}
        began = time.perf_counter()
        self._clusters.carry_over(album, min_similarity=min_similarity)
        for _ in range(MAX_ATTEMPTS):
            content = self._clusters.load(album)
            if content is None:
                return False
            from_scratch = full or content.face_count <= ALWAYS_FULL_FACES
            assignments, summary = self._decide(content, full=from_scratch)
            summary["seconds"] = round(time.perf_counter() - began, 3)
            if self._clusters.apply(album, content, assignments, full=from_scratch, summary=summary):
                self._took_s[album] = time.perf_counter() - began
                log.info("clustered", extra=fields(album=album, full=from_scratch, **summary))
                self._publish(album)
                return True
        raise Unavailable(
            f"The people of {album!r} change faster than they can be clustered: the next run clusters it."
        )

    def _decide(self, content: AlbumContent, *, full: bool) -> tuple[dict[str, Assignment], dict[str, object]]:
        assignments: dict[str, Assignment] = {}
        summary: dict[str, object] = {"faces": content.face_count}
        people: set[str] = set()
        for name, space in content.spaces.items():
            if (calibration := self._calibrations.get(name)) is None:
                log.warning("an embedding space without a calibration is not clustered", extra=fields(space=name))
                continue
            assignments[name], summary[name] = _cluster_space(space, calibration, full=full)
            people |= set(assignments[name].person_of.values())
        summary["clusters"] = len(people)
        return assignments, summary


def _cluster_space(space: AlbumSpace, calibration: Calibration, *, full: bool) -> tuple[Assignment, dict[str, object]]:
    good = np.array([face.quality >= MIN_QUALITY for face in space.faces], bool)
    photos = np.array([face.photo for face in space.faces], np.int64)
    here = calibrate_album(same_photo_similarities(space.vectors[good], photos[good]), calibration)
    linkage = Linkage.of(here.calibration, int(good.sum()))
    assignment = assign(space, linkage, full=full)
    return assignment, {
        "min_similarity": round(here.calibration.min_similarity, 4),
        "single_face_similarity": round(linkage.single, 4),
        "stranger_pairs": here.stranger_pairs,
        "false_matches": here.false_matches,
        "false_match_rate_at_most": round(here.rate_at_most, 6),
    }

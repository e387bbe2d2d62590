"""One run: photos come, things break, and everything must heal."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import psycopg
from google.api_core.exceptions import GoogleAPIError
from google.cloud import storage
from google.cloud.firestore import Client

from photofinish.application.ingest import requeue
from photofinish.domain.photo import FINAL_STATUSES, PhotoRef, PhotoStatus
from photofinish.errors import PhotofinishError
from photofinish.settings import Settings
from photofinish.wiring import App
from support.faulty_cloud.album import ALBUM, Album
from support.faulty_cloud.cloud import FaultyCloud
from support.faulty_cloud.comparing import Comparison, compare
from support.faulty_cloud.injecting import Injector
from support.faulty_cloud.messages import Messages
from support.faulty_cloud.schedule import Fault, Outage
from support.waiting import wait_until

RECOVERY_S = 400.0
SETTLED_S = 300.0
MAX_PHOTOS = 500
_S_BETWEEN_UPLOADS = 0.3


@dataclass
class Tried:
    """A fault of one kind and target, so far."""

    times: int = 0
    struck: int = 0
    """Single failures: processes killed, connections and calls broken, messages, photos."""
    recovery_s: list[float] = field(default_factory=list)
    """Of those times when it came alone."""

    def __add__(self, other: Tried) -> Tried:
        return Tried(self.times + other.times, self.struck + other.struck, [*self.recovery_s, *other.recovery_s])


@dataclass
class Run:
    """What happened in one run."""

    tried: dict[str, Tried] = field(default_factory=dict)
    """By `kind: target`."""
    outages: int = 0
    times: int = 0
    struck: int = 0
    crowded_recovery_s: list[float] = field(default_factory=list)
    """Of outages of several faults at once."""
    uploads: int = 0
    photos: int = 0
    poisoned: int = 0
    redriven: int = 0
    """Healthy photos that were given up, since their tasks were ended again and again, and queued again at the end."""
    seconds: float = 0.0
    settling_s: float = 0.0
    left: Comparison = field(default_factory=Comparison)

    def add(self, happened: list[tuple[Fault, int]], recovery_s: float) -> None:
        self.outages += 1
        for fault, struck in happened:
            tried = self.tried.setdefault(f"{fault.kind}: {fault.target}", Tried())
            tried.times += 1
            tried.struck += struck
            self.times += 1
            self.struck += struck
            if len(happened) == 1:
                tried.recovery_s.append(recovery_s)
        if len(happened) > 1:
            self.crowded_recovery_s.append(recovery_s)

    def __add__(self, other: Run) -> Run:
        """Both runs as one; it settled as late as the slower one."""
        counts = (
            "outages",
            "times",
            "struck",
            "crowded_recovery_s",
            "uploads",
            "photos",
            "poisoned",
            "redriven",
            "seconds",
        )
        both = {name: getattr(self, name) + getattr(other, name) for name in counts}
        tried = {
            what: self.tried.get(what, Tried()) + other.tried.get(what, Tried())
            for what in self.tried.keys() | other.tried.keys()
        }
        settling_s = max(self.settling_s, other.settling_s)
        return Run(**both, tried=tried, settling_s=settling_s, left=self.left + other.left)


class Running:
    """A started cloud, and the clients by which it is looked at: they go past the proxies."""

    def __init__(self, cloud: FaultyCloud) -> None:
        self.cloud = cloud
        project = os.environ["GOOGLE_CLOUD_PROJECT"]
        clients = storage.Client(project=project)
        self.album = Album(clients.bucket(os.environ["PHOTOFINISH_PHOTO_BUCKET"]))
        self._derived = clients.bucket(os.environ["PHOTOFINISH_DERIVED_BUCKET"])
        self._firestore = Client(project=project)
        self._messages = Messages(project)
        self._app = App(Settings.from_env())
        self._injector = Injector(cloud, self.album, self._messages)

    def hurt(
        self, outages: Iterable[Outage], run: Run, *, photos_before: int, goes_on: Callable[[], bool] = lambda: True
    ) -> None:
        """Before each outage photos come; after it one more must get its result: so long it takes to heal."""
        for outage in outages:
            if not goes_on():
                return
            self._keep_size()
            with self._uploading(photos_before):
                happened = self._injector.inject(outage)
            began = time.monotonic()
            self.cloud.heal()
            [probe] = self.album.upload(1)
            wait_until(lambda probe=probe: self._is_final(probe), f"a result after {outage}", timeout_s=RECOVERY_S)
            run.add(happened, time.monotonic() - began)

    def settle(self, run: Run) -> None:
        """Wait until nothing is left to do, and compare all stores."""
        began = time.monotonic()
        run.uploads = self.album.uploads
        run.photos = len(self.album.live())
        run.poisoned = len(self.album.poisoned & set(self.album.live().values()))
        try:
            wait_until(lambda: self._is_settled(run), "every photo has its state everywhere", timeout_s=SETTLED_S)
        except AssertionError:
            run.left = self._compared()
        run.settling_s = time.monotonic() - began

    @contextmanager
    def _uploading(self, photos: int) -> Iterator[None]:
        """Upload photos at once, and go on one by one as long as the block lasts."""
        ended = threading.Event()

        def go_on() -> None:
            while not ended.wait(_S_BETWEEN_UPLOADS):
                self.album.upload(1)

        self.album.upload(photos)
        with ThreadPoolExecutor(1) as pool:
            uploading = pool.submit(go_on)
            try:
                yield
            finally:
                ended.set()
        uploading.result()

    def _keep_size(self) -> None:
        """Delete photos of an album that has grown too large."""
        live = len(self.album.live())
        if live > MAX_PHOTOS:
            self.album.delete(live - MAX_PHOTOS + MAX_PHOTOS // 5, random.Random(live))

    def _is_settled(self, run: Run) -> bool:
        left = self._safely_compared()
        run.redriven += self._redrive()
        return not left

    def _redrive(self) -> int:
        """Queue healthy photos again that were given up, as an operator would; return how many."""
        try:
            failed = list(self._app.documents.list_photos(ALBUM, status=PhotoStatus.FAILED))
            again = [record for record in failed if record.ref not in self.album.poisoned]
            for record in again:
                requeue(
                    record.ref,
                    seen_at=record.fields["changed_at"],
                    uploaded_at=record.fields["changed_at"],
                    documents=self._app.documents,
                    queue=self._app.queue,
                    events=self._app.events,
                )
        except PhotofinishError:
            return 0
        return len(again)

    def close(self) -> None:
        self._messages.close()

    def _compared(self) -> Comparison:
        found = compare(
            self.album.live().values(),
            self._firestore,
            self._derived,
            os.environ["DATABASE_URL"],
            poisoned=self.album.poisoned,
        )
        checker, at_once = self._app.album_checker, timedelta(0)
        findings = [
            *checker.check(ALBUM, stale_after=at_once, settled_after=at_once),
            *checker.check_work(ALBUM, is_idle=True),
        ]
        found.checked = [f"{finding.problem}: {finding.name}: {finding.message}" for finding in findings]
        return found

    def _safely_compared(self) -> Comparison:
        time.sleep(2)  # a look costs as much as some photos
        try:
            return self._compared()
        except (GoogleAPIError, psycopg.Error, PhotofinishError) as error:
            return Comparison(lost=[str(error)])

    def _is_final(self, photo: PhotoRef) -> bool:
        time.sleep(0.2)
        try:
            fields = self._firestore.document(f"albums/{ALBUM}/photos/{photo.photo_id}").get(timeout=10).to_dict()
        except GoogleAPIError:
            return False
        if not fields or fields["photo"]["generation"] < photo.generation:
            return False
        return fields["photo"]["generation"] > photo.generation or fields["status"] in FINAL_STATUSES

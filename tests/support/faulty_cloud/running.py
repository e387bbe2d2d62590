"""One run: photos come, things break, and everything must heal."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta

import psycopg
from google.api_core.exceptions import GoogleAPIError
from google.cloud import storage
from google.cloud.firestore import Client

from photofinish.domain.photo import FINAL_STATUSES, PhotoRef
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

RECOVERY_S = 300.0
SETTLED_S = 600.0


@dataclass
class Tried:
    """A fault of one kind and target, so far."""

    times: int = 0
    recovery_s: list[float] = field(default_factory=list)


@dataclass
class Run:
    """What happened in one run."""

    tried: dict[tuple[str, str], Tried] = field(default_factory=lambda: defaultdict(Tried))
    faults: int = 0
    uploads: int = 0
    photos: int = 0
    settling_s: float = 0.0
    left: Comparison = field(default_factory=Comparison)

    def add(self, happened: list[Fault], recovery_s: float) -> None:
        for fault in happened:
            tried = self.tried[fault.kind.value, fault.target]
            tried.times += 1
            tried.recovery_s.append(recovery_s)
            self.faults += 1


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
            self.album.upload(photos_before)
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
        try:
            wait_until(lambda: not self._safely_compared(), "every photo has its state everywhere", timeout_s=SETTLED_S)
        except AssertionError:
            run.left = self._compared()
        run.settling_s = time.monotonic() - began

    def close(self) -> None:
        self._messages.close()

    def _compared(self) -> Comparison:
        found = compare(self.album.live().values(), self._firestore, self._derived, os.environ["DATABASE_URL"])
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

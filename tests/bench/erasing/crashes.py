"""Kill erasures in a local cloud at every step, and look for what they left and what they took from others.

    python tests/bench/erasing/crashes.py [--photos 500]

An album of drawn photos is analysed, and a small one beside it. Then photos, faces and people of the album are erased,
each by a process that is killed (SIGKILL) one writing call later than the one before, and the sweep finishes each. At
last the album itself is erased, by processes that each go on with it and are killed one call later. Every store is then
searched by `support/erasure_checker.py`. Exit status 1 when anything is left, anything else is lost, or a receipt is
missing or not signed.
"""

from __future__ import annotations

import argparse
import logging
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from cloud import Place, Stores, lost
from PIL import Image, ImageEnhance
from rich.console import Console
from rich.table import Table

from photofinish.application.receipts import verify
from photofinish.domain.erasure import ErasureKind
from photofinish.domain.photo import PhotoStatus
from photofinish.errors import PhotofinishError
from photofinish.wiring import App
from photofinish_cli.deployment import connect
from photofinish_cli.sample_album import make_sample_album
from support.waiting import wait_until

ALBUM, OTHER = "crashed", "beside"
OTHER_PHOTOS = 12
DRAWN = 24  # the photos of an album are variations of these
LONG_SIDE_PX = 720
PEOPLE = 30
S_PER_PHOTO = 20
KILLED = Path(__file__).with_name("killed.py")


@dataclass
class Target:
    """Something to erase, and how it is recognised in a store."""

    kind: ErasureKind
    id: str
    tokens: set[str]
    places: list[Place] = field(default_factory=list)


@dataclass
class Outcome:
    """What became of the erasures of one kind."""

    kind: ErasureKind
    targets: int = 0
    kills: int = 0
    left: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    receipts: int = 0
    seconds: float = 0.0

    @property
    def is_good(self) -> bool:
        return not self.left and not self.lost and self.receipts == self.targets and self.kills >= self.targets - 1


class Cloud:
    """The local cloud with both albums."""

    def __init__(self, state_dir: Path, app: App) -> None:
        self.state_dir = state_dir
        self.app = app
        self.stores = Stores()

    def fill(self, folder: Path, photos: int, console: Console) -> None:
        """Analyse both albums, and wait until nothing changes any more."""
        made = make_sample_album(folder, photos=DRAWN).photos
        drawn = [photo.path for photo in made if photo.path.suffix == ".jpg"]
        bucket = self.stores.bucket("PHOTO")
        for album, count in ((OTHER, OTHER_PHOTOS), (ALBUM, photos)):
            for number in range(count):
                file = _variation(drawn[number % len(drawn)], number, folder / "variation.jpg")
                bucket.blob(f"{album}/IMG_{number:04}.jpg").upload_from_filename(file, content_type="image/jpeg")
        for album, count in ((OTHER, OTHER_PHOTOS), (ALBUM, photos)):
            with console.status(f"analysing {count} photos of {album}"):
                wait_until(
                    lambda album=album, count=count: self.app.documents.counts(album).get(PhotoStatus.DONE, 0) == count,
                    f"{count} photos of {album} are analysed",
                    timeout_s=S_PER_PHOTO * (photos + OTHER_PHOTOS),
                )

    def settled(self) -> set[tuple[str, ...]]:
        """Everything in the stores, once two looks show the same: some documents follow the analysis later."""
        seen: list[set[tuple[str, ...]]] = [self.stores.items()]

        def is_settled() -> bool:
            time.sleep(1)
            seen.append(self.stores.items())
            return seen[-1] == seen[-2]

        wait_until(is_settled, "the stores do not change any more")
        return seen[-1]

    def photos(self) -> list[Target]:
        return [
            Target(
                ErasureKind.PHOTO,
                photo_id,
                {photo_id, str(uuid.UUID(photo_id)), name, *(face_id for face_id, _ in faces)},
            )
            for photo_id, name, faces in self._documents()
        ]

    def faces(self) -> list[Target]:
        """One face of each photo."""
        return [
            Target(ErasureKind.FACE, faces[0][0], {faces[0][0]}, [faces[0][1]]) for _, _, faces in self._documents()
        ]

    def people(self) -> list[Target]:
        """Named people, each with two faces and an awaited picture.

        All other faces are confirmed as those of one more person, so that clustering gives none of them to the others.
        """
        faces = [face for _, _, of_photo in self._documents() for face in of_photo]
        made = []
        for number in range(PEOPLE + 1):
            name = f"Runner {uuid.uuid4().hex}"
            its_faces = faces[2 * number : 2 * number + 2] if number < PEOPLE else faces[2 * PEOPLE :]
            face_ids = [face_id for face_id, _ in its_faces]
            person = self.app.people.create(ALBUM, name=name, by="check").person_id
            confirmed = self.app.people_changes.confirm(ALBUM, person, face_ids, by="check")
            assert not confirmed.changes.refused, "no face is another person's"
            expires_at = datetime.now(UTC) + timedelta(days=1)
            self.app.enrolments.add_uploads(ALBUM, person, 1, expires_at=expires_at)
            places = [place for _, place in its_faces]
            made.append(Target(ErasureKind.PERSON, person, {person, name, *face_ids}, places))
        self.app.projector.project(ALBUM)
        return made[:PEOPLE]

    def album(self) -> Target:
        ids = [record.ref.photo_id for record in self.app.documents.list_photos(ALBUM)]
        people = self.stores.sql(
            "SELECT person_id FROM person JOIN album USING (album_id) WHERE album.name = %s", ALBUM
        )
        tokens = {f"{ALBUM}/", *ids, *(str(uuid.UUID(one)) for one in ids), *(str(person) for (person,) in people)}
        return Target(ErasureKind.ALBUM, ALBUM, tokens)

    def kill(self, target: Target, calls: int) -> bool:
        """Erase in a process that dies before its writing call number `calls`; False if it has no so many."""
        arguments = [str(self.state_dir), target.kind.value, ALBUM, target.id, str(calls)]
        ended = subprocess.run([sys.executable, str(KILLED), *arguments], capture_output=True, text=True)
        if ended.returncode not in (0, -signal.SIGKILL):
            raise SystemExit(f"erasing {target.kind.value} {target.id} ended with {ended.returncode}:\n{ended.stderr}")
        return ended.returncode != 0

    def receipts(self, targets: list[Target]) -> int:
        """How many of the targets have a finished erasure with a receipt that its key signed."""
        keys = {key_id: bytes(key) for key_id, key in self.stores.sql("SELECT key_id, public_key FROM receipt_key")}
        found = 0
        for target in targets:
            documents = self.stores.sql(
                "SELECT document FROM erasure JOIN erasure_receipt AS receipt"
                " ON receipt.erasure_id = erasure.erasure_id::text"
                " WHERE kind = %s AND target_id = %s AND finished_at IS NOT NULL",
                target.kind.value,
                target.id,
            )
            try:
                found += all(verify(bytes(document), keys).removed for (document,) in documents) and bool(documents)
            except PhotofinishError as error:
                print(error, file=sys.stderr)
        return found

    def _documents(self) -> list[tuple[str, str, list[tuple[str, Place]]]]:
        """Id, name and faces of each photo of the album that has a face."""
        found = []
        for path, fields in sorted(self.stores.documents()):
            if not path.startswith(f"albums/{ALBUM}/photos/") or fields["status"] != "done" or not fields["faces"]:
                continue
            photo_id = path.rpartition("/")[2]
            places = [
                (one["face_id"], Place(ALBUM, photo_id, one["box"]["x"], one["box"]["y"])) for one in fields["faces"]
            ]
            found.append((photo_id, fields["object"]["name"], places))
        return found


def crash_each(cloud: Cloud, targets: list[Target]) -> Outcome:
    """Erase one target for every crash point, each finished by the sweep."""
    began_s, before = time.monotonic(), cloud.settled()
    outcome = Outcome(targets[0].kind)
    for calls, target in enumerate(targets):
        was_killed = cloud.kill(target, calls)
        outcome.kills += was_killed
        cloud.app.eraser.sweep()
        if calls == 0:  # it died before it had begun
            cloud.kill(target, -1)
        if not was_killed:
            return judged(cloud, outcome, targets[: calls + 1], before, began_s)
    raise SystemExit(f"erasing a {outcome.kind.value} has more steps than the album has targets: give more --photos")


def crash_one(cloud: Cloud, target: Target) -> Outcome:
    """Erase one target by processes that each go on with it, and die one writing call later."""
    began_s, before = time.monotonic(), cloud.settled()
    outcome = Outcome(target.kind)
    while cloud.kill(target, outcome.kills):
        outcome.kills += 1
    cloud.app.eraser.sweep()
    return judged(cloud, outcome, [target], before, began_s)


def judged(
    cloud: Cloud, outcome: Outcome, targets: list[Target], before: set[tuple[str, ...]], began_s: float
) -> Outcome:
    tokens = {token for target in targets for token in target.tokens}
    outcome.targets = len(targets)
    outcome.lost = [" ".join(item) for item in lost(before, cloud.settled(), tokens)]
    outcome.left = cloud.stores.left(tokens, [place for target in targets for place in target.places])
    outcome.receipts = cloud.receipts(targets)
    outcome.seconds = time.monotonic() - began_s
    return outcome


def check(cloud: Cloud, console: Console) -> list[Outcome]:
    if not cloud.stores.left(cloud.album().tokens, []):
        raise SystemExit("the checker does not find what is there")
    kinds: dict[str, Callable[[], Outcome]] = {
        "photos": lambda: crash_each(cloud, cloud.photos()),
        "faces": lambda: crash_each(cloud, cloud.faces()),
        "people": lambda: crash_each(cloud, cloud.people()),
        "the album": lambda: crash_one(cloud, cloud.album()),
    }
    outcomes = []
    for what, run in kinds.items():
        with console.status(f"erasing {what}"):
            outcomes.append(run())
    return outcomes


def show(outcomes: list[Outcome], console: Console) -> None:
    table = Table("erased", "how many", "kills", "left", "lost of others", "receipts", "seconds")
    for outcome in outcomes:
        counts = (outcome.targets, outcome.kills, len(outcome.left), len(outcome.lost), outcome.receipts)
        style = None if outcome.is_good else "red"
        table.add_row(outcome.kind.value, *map(str, counts), f"{outcome.seconds:.0f}", style=style)
    console.print(table)
    for outcome in outcomes:
        for what, found in (("left", outcome.left), ("lost", outcome.lost)):
            for one in found[:10]:
                console.print(f"{outcome.kind.value}: {what}: {one}", style="red", markup=False)


@contextmanager
def local_cloud(folder: Path) -> Iterator[Cloud]:
    """A local cloud of its own, stopped at the end."""
    state_dir = folder / "state"
    command = [sys.executable, "-m", "photofinish_cli"]
    subprocess.run(
        [*command, "up", "--detach", "--json", "--state", str(state_dir)], check=True, stdout=subprocess.DEVNULL
    )
    try:
        yield Cloud(state_dir, connect(state_dir))
    finally:
        subprocess.run([*command, "down", "--state", str(state_dir)], check=True, stdout=subprocess.DEVNULL)


def _variation(drawn: Path, number: int, target: Path) -> Path:
    """Write a smaller picture of another brightness than those with other numbers."""
    with Image.open(drawn) as picture:
        small = picture.convert("RGB")
        small.thumbnail((LONG_SIDE_PX, LONG_SIDE_PX))
        exif = picture.getexif()
    ImageEnhance.Brightness(small).enhance(1 - 0.0004 * number).save(target, "JPEG", quality=88, exif=exif)
    return target


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=500, help="photos of the album (default: 500; at least 50)")
    photos = parser.parse_args().photos
    logging.disable(logging.WARNING)
    console, began_s = Console(width=120), time.monotonic()
    with tempfile.TemporaryDirectory() as folder, local_cloud(Path(folder)) as cloud:
        cloud.fill(Path(folder) / "drawn", photos, console)
        console.print(f"{photos} photos analysed after {time.monotonic() - began_s:.0f} s")
        outcomes = check(cloud, console)
    show(outcomes, console)
    return 0 if all(outcome.is_good for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())

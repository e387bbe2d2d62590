"""The code blocks of the documents, run as a reader would: in order, in one shell, against one local cloud."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image

from e2e.conftest import LocalCloud
from photofinish_cli.sample_album import SampleAlbum, SamplePerson
from support import browser
from support.docs_blocks import ROOT, blocks, documents, script

# Starting a server, dropping and analysing an album, on a machine that is ten times busier than usual.
TIMEOUT_S = 900
pytestmark = pytest.mark.timeout(TIMEOUT_S + 60)
RUN = [document for document in documents() if any(block.is_run for block in blocks(document))]
ALBUM = "spring-10k"


@pytest.fixture(scope="module")
def reader(cloud: LocalCloud, sample_album: SampleAlbum, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """A reader with a clone of the project, photos of a race and two selfies, and a running local cloud."""
    folder = tmp_path_factory.mktemp("reader")
    race = folder / "home" / "Pictures" / "race"
    race.mkdir(parents=True)
    photos = [photo for photo in sample_album.photos if photo.path.suffix == ".jpg"][:4]
    for number, photo in enumerate(photos, start=1):
        shutil.copy(photo.path, race / f"IMG_{number:04}.jpg")
    shown = {runner.person for photo in photos[:1] for runner in photo.runners}
    person = next(person for person in sample_album.people if person.person in shown)
    cloud.command("drop", str(race), "--album", ALBUM, "--wait")
    return Reader(cloud, folder, sample_album, person)


class Reader:
    """Who types what the documents say."""

    def __init__(self, cloud: LocalCloud, folder: Path, album: SampleAlbum, person: SamplePerson) -> None:
        self._cloud, self._folder, self._album, self._person = cloud, folder, album, person

    def clone(self, name: str) -> Path:
        """A folder with the project's files, and beside them pictures that the documents name."""
        clone = self._folder / name
        clone.mkdir()
        for entry in ROOT.iterdir():
            if entry.name not in {".git", ".state", "out", "own_models"}:
                (clone / entry.name).symlink_to(entry)
        (clone / "node_modules").symlink_to(ROOT / "tests" / "clients" / "node_modules")
        for selfie in ("me.jpg", "me-with-glasses.jpg"):
            shutil.copy(self._person.selfie, clone / selfie)
        shutil.copy(self._folder / "home" / "Pictures" / "race" / "IMG_0001.jpg", clone)
        self._label(clone / "labelled")
        (clone / "runners.csv").write_text(f"number,name\n{self._person.bib_number},Ada Lovelace\n")
        return clone

    def _label(self, folder: Path) -> None:
        """Photos with their numbers, and two pictures of each of two people, as `photofinish evaluate` reads them."""
        photos = self._album.photos[:2]
        (folder / "bibs").mkdir(parents=True)
        rows = ["file,bib_number"]
        for photo in photos:
            shutil.copy(photo.path, folder / "bibs")
            rows += [f"{photo.path.name},{runner.bib_number}" for runner in photo.runners]
        (folder / "bibs" / "labels.csv").write_text("\n".join(rows))
        for person in self._album.people[:2]:
            own = folder / "faces" / person.person
            own.mkdir(parents=True)
            shutil.copy(person.selfie, own / "1.jpg")
            Image.open(person.selfie).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(own / "2.jpg")

    def environment(self) -> dict[str, str]:
        """A shell of its own home and the project's programs, that knows the state directory of the local cloud."""
        kept = {name: os.environ[name] for name in ("LANG", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ}
        return kept | {
            "HOME": str(self._folder / "home"),
            "XDG_CACHE_HOME": str(Path.home() / ".cache"),  # the models
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT / "tests"),
            "PHOTOFINISH_STATE_DIR": str(self._cloud.state_dir),
            "CHROMIUM": browser.chromium() or "",
        }

    @property
    def examples(self) -> dict[str, str]:
        """What stands in the documents → what is true of this album."""
        return {
            "1234": self._person.bib_number,
            "127.0.0.1:8080": self._cloud.environment["FIRESTORE_EMULATOR_HOST"],
        }


@pytest.mark.parametrize("document", RUN)
def test_the_blocks_of_a_document_run(document: str, reader: Reader) -> None:
    found = [block for block in blocks(document) if block.is_run]
    if any(block.page_text for block in found) and (why := browser.why_not()):
        pytest.skip(why)
    clone = reader.clone(document.replace("/", "-"))
    # Into files: a server in the background would keep a pipe open.
    with (clone / "stdout").open("w+") as stdout, (clone / "stderr").open("w+") as stderr:
        shell = subprocess.Popen(
            ["bash", "-c", script(found, reader.examples)],
            cwd=clone,
            env=reader.environment(),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        try:
            ended = shell.wait(timeout=TIMEOUT_S)
        finally:
            # Whatever the blocks left in the background, with its own children.
            with suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
    said, errors = (clone / "stdout").read_text(), (clone / "stderr").read_text()
    last = next((line[3:] for line in reversed(errors.splitlines()) if line.startswith("@@ ")), document)
    assert ended == 0, f"the block {last} ended with {ended}:\n{said[-2000:]}{errors[-3000:]}"

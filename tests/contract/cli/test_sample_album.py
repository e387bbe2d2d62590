"""The sample album: made the same every time, true to its truth, and legible for the models."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from photofinish.analysis.analyzer import AnalyzedPhoto, Analyzer
from photofinish.analysis.imaging.decoding import decode
from photofinish.analysis.models.catalogue import model_for
from photofinish.analysis.models.settings import ModelSettings
from photofinish.domain.analysis import PhotoAnalysis
from photofinish.errors import Misconfigured, RejectedInput
from photofinish_cli.sample_album import SampleAlbum, SamplePhoto, faces, make_sample_album
from photofinish_cli.sample_album.files import write_photo

pytestmark = pytest.mark.timeout(400)  # drawing and analysing every kind of photo takes half a minute of one core

# As many as it takes to have every kind of photo once.
PHOTOS = 18
# What was seen with the default models on all 24 photos: all 52 faces and all 49 legible numbers found, each number on
# its wearer's face; nothing unlike anybody's selfie above 0.40, no sharp face below 0.61 of its own.
FACE_RECALL, BIB_RECALL = 0.95, 0.95
SIMILARITY_OF_ANOTHER = 0.46
FOUND_BY_SELFIE = 0.95  # of the sharp appearances; seen: all, the least similar only just


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> SampleAlbum:
    return make_sample_album(tmp_path_factory.mktemp("album"), photos=PHOTOS)


@pytest.fixture(scope="module")
def analyzer(model_settings: ModelSettings) -> Analyzer:
    return Analyzer.load(model_settings)


@pytest.fixture(scope="module")
def analyses(album: SampleAlbum, analyzer: Analyzer) -> list[tuple[SamplePhoto, PhotoAnalysis]]:
    found = []
    for photo in album.photos:
        (result,) = analyzer.analyze([photo.path.read_bytes()])
        assert isinstance(result, AnalyzedPhoto), f"{photo.path.name}: {result}"
        found.append((photo, result.analysis))
    return found


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_same_seed_gives_the_same_files(small_album: SampleAlbum, tmp_path: Path) -> None:
    make_sample_album(tmp_path, photos=3, with_bad_files=True)
    again, before = _files(tmp_path), _files(small_album.folder)
    assert list(again) == list(before)
    assert [name for name in again if again[name] != before[name]] == []


def test_a_longer_album_begins_with_the_shorter_one(small_album: SampleAlbum, album: SampleAlbum) -> None:
    for short, long in zip(small_album.photos, album.photos, strict=False):
        assert short.path.read_bytes() == long.path.read_bytes(), short.path.name


def test_another_seed_gives_other_runners_and_pictures(small_album: SampleAlbum, tmp_path: Path) -> None:
    other = make_sample_album(tmp_path, photos=1, seed=2)
    assert {p.bib_number for p in other.people} != {p.bib_number for p in small_album.people}
    assert other.photos[0].path.read_bytes() != small_album.photos[0].path.read_bytes()


def test_the_album_has_every_kind_of_file(album: SampleAlbum) -> None:
    assert {photo.path.suffix for photo in album.photos} == {".jpg", ".png", ".webp", ".heic", ".tif"}
    pixels = [photo.width * photo.height for photo in album.photos]
    assert max(pixels) == 12_000_000
    assert min(pixels) <= 640 * 480
    assert sum(photo.is_blurry for photo in album.photos) == 2


def test_the_truth_written_is_the_truth_returned(album: SampleAlbum) -> None:
    truth = json.loads((album.folder / "truth.json").read_text())
    assert len(truth["photos"]) == len(album.photos) == PHOTOS
    for written, photo in zip(truth["photos"], album.photos, strict=True):
        assert album.folder / written["file"] == photo.path
        assert written["runners"] == json.loads(json.dumps([asdict(runner) for runner in photo.runners]))
    for written, person in zip(truth["people"], album.people, strict=True):
        assert (written["person"], written["bib_number"]) == (person.person, person.bib_number)
        assert (album.folder / written["selfie"]).is_file()


def test_runners_have_room_and_come_back(album: SampleAlbum) -> None:
    seen: dict[str, int] = {}
    for photo in album.photos:
        assert 1 <= len({runner.person for runner in photo.runners}) == len(photo.runners) <= 4
        for runner in photo.runners:
            seen[runner.person] = seen.get(runner.person, 0) + 1
            for x, y, w, h in (runner.face_box, runner.bib_box):
                assert 0 <= x < x + w <= 1, f"{photo.path.name}: {runner.person} reaches outside"
                assert 0 <= y < y + h <= 1, f"{photo.path.name}: {runner.person} reaches outside"
            assert runner.bib_box[1] > runner.face_box[1] + runner.face_box[3], "a bib is below its face"
    assert set(seen) == {person.person for person in album.people}
    assert min(seen.values()) >= 3, seen
    assert len({person.bib_number for person in album.people}) == len(album.people) == faces.FACE_COUNT


def test_exif_tells_time_and_camera_and_pictures_are_upright(album: SampleAlbum) -> None:
    orientations = set()
    for photo in album.photos:
        info = decode(photo.path.read_bytes()).info
        expected = (photo.width, photo.height, photo.taken_at, photo.camera)
        assert (info.width, info.height, info.taken_at, info.camera) == expected, photo.path.name
        if photo.path.suffix == ".jpg":
            with Image.open(photo.path) as stored:
                orientations.add(stored.getexif()[0x0112])
    times = [photo.taken_at for photo in album.photos]
    assert times == sorted(times)
    assert orientations == {1, 3, 6, 8}


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".heic"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_every_format_keeps_time_camera_and_the_way_up(tmp_path: Path, suffix: str, orientation: int) -> None:
    upright = Image.new("RGB", (96, 64), (200, 30, 30))
    upright.paste((30, 30, 200), (0, 0, 96, 20))
    taken_at = datetime(2026, 5, 17, 9, 41, 7)
    files = [tmp_path / f"{name}{suffix}" for name in ("first", "second")]
    for path in files:
        write_photo(path, upright, taken_at=taken_at, model="Camera", orientation=orientation)
    assert files[0].read_bytes() == files[1].read_bytes()
    photo = decode(files[0].read_bytes())
    assert (photo.info.width, photo.info.height) == upright.size
    assert (photo.info.taken_at, photo.info.camera) == (taken_at, "Riverside Camera")
    assert np.abs(photo.image[8, 48].astype(int) - (200, 30, 30)).max() < 40, "the blue strip is at the top"


def test_bad_files_are_rejected_for_what_they_are(small_album: SampleAlbum) -> None:
    codes = {}
    for path in small_album.bad_files:
        with pytest.raises(RejectedInput) as rejection:
            decode(path.read_bytes())
        codes[path.name] = rejection.value.code
    assert codes == {"notes.jpg": "not_a_picture", "cut-off.jpg": "cut_off", "empty.jpg": "empty_file"}


def test_a_missing_package_is_named() -> None:
    with pytest.raises(Misconfigured, match=r"scikit-image.*'\.\[demo\]'"):
        faces.source_picture("no_such_package", "data/astronaut.png", "scikit-image")


def _overlap(a: Any, b: Any) -> float:
    """Intersection over union of two boxes x, y, w, h."""
    across = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    down = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(across, 0) * max(down, 0)
    return float(shared / (a[2] * a[3] + b[2] * b[3] - shared))


def _face_of(analysis: PhotoAnalysis, box: tuple[float, float, float, float]) -> int | None:
    overlaps = [_overlap(box, (face.box.x, face.box.y, face.box.w, face.box.h)) for face in analysis.faces]
    best = int(np.argmax(overlaps)) if overlaps else -1
    return best if best >= 0 and overlaps[best] > 0.4 else None


def test_the_faces_are_found(analyses: list[tuple[SamplePhoto, PhotoAnalysis]]) -> None:
    missed = [
        f"{photo.path.name}: {runner.person}"
        for photo, analysis in analyses
        for runner in photo.runners
        if _face_of(analysis, runner.face_box) is None
    ]
    total = sum(len(photo.runners) for photo, _ in analyses)
    assert len(missed) <= total * (1 - FACE_RECALL), f"{len(missed)} of {total} faces not found: {missed}"
    # The crowd has no faces to find: a handful of specks at most.
    assert sum(len(analysis.faces) for _, analysis in analyses) <= total * 1.25


def test_the_legible_numbers_are_read_on_their_wearers(analyses: list[tuple[SamplePhoto, PhotoAnalysis]]) -> None:
    missed, strange, total = [], [], 0
    for photo, analysis in analyses:
        worn = {bib.number: bib.face_index for bib in analysis.bibs}
        numbers = {runner.bib_number for runner in photo.runners}
        strange += [f"{photo.path.name}: {number}" for number in worn if number not in numbers and not photo.is_blurry]
        for runner in photo.runners:
            if runner.is_blurry:
                continue
            total += 1
            face = _face_of(analysis, runner.face_box)
            if face is None or worn.get(runner.bib_number) != face:
                missed.append(f"{photo.path.name}: {runner.bib_number}, read were {worn}")
    assert len(missed) <= total * (1 - BIB_RECALL), f"{len(missed)} of {total} numbers not read: {missed}"
    assert len(strange) <= 1, f"numbers that no runner wears: {strange}"


def test_blurry_is_what_was_blurred(analyses: list[tuple[SamplePhoto, PhotoAnalysis]]) -> None:
    judged = {photo.path.name: analysis.sharpness.is_blurry for photo, analysis in analyses}
    assert judged == {photo.path.name: photo.is_blurry for photo, _ in analyses}


def test_a_selfie_is_nearest_to_its_runner(
    album: SampleAlbum, analyzer: Analyzer, analyses: list[tuple[SamplePhoto, PhotoAnalysis]]
) -> None:
    threshold = model_for("face_embedding").min_similarity
    assert threshold is not None
    own: list[float] = []
    for person in album.people:
        (selfie,) = analyzer.analyze([person.selfie.read_bytes()])
        assert isinstance(selfie, AnalyzedPhoto)
        assert len(selfie.analysis.faces) == 1, f"{person.selfie.name} has one face"
        query = selfie.analysis.faces[0].embedding
        for photo, analysis in analyses:
            for runner in photo.runners:
                index = _face_of(analysis, runner.face_box)
                embedding = analysis.faces[index].embedding if index is not None else None
                if embedding is None or runner.is_blurry:
                    continue
                similarity = float(query.vector @ embedding.vector)
                where = f"{person.person} and {runner.person} on {photo.path.name}: {similarity:.3f}"
                if runner.person == person.person:
                    own.append(similarity)
                else:
                    assert similarity < SIMILARITY_OF_ANOTHER, where
    found = sum(similarity >= threshold for similarity in own) / len(own)
    assert found >= FOUND_BY_SELFIE, f"selfies find {found:.0%} of their runners' appearances: {sorted(own)[:5]}"

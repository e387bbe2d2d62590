"""What every reading of an album promises: one suite over the index in memory and the one in Postgres."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from photofinish.adapters.memory.face_index import MemoryFaceIndex
from photofinish.adapters.postgres.album_rules import PgAlbumRules
from photofinish.domain.bib_rules import BibRules
from photofinish.domain.face import face_id
from photofinish.domain.photo import PhotoRef
from photofinish.domain.search import PhotoFilter
from photofinish.domain.start_list import BibCandidate, StartList
from photofinish.errors import InvalidQuery
from photofinish.ports import FaceIndex
from support.faces import bib, embedding, face, photo
from support.index import VERSION, add, analysis
from support.pipeline import ToyVideos, toy_face, toy_video
from support.videos import content_fetch

EAST, NORTH = embedding([1, 0, 0]), embedding([0, 1, 0])
NOON = datetime(2026, 5, 3, 12)
EVERYTHING = PhotoFilter()


def names(index: FaceIndex, where: PhotoFilter, album: str = "race") -> list[str]:
    """The names of the photos that meet `where`, found by their faces; checks that all other ways find the same."""
    with index.reading(album) as reading:
        near = reading.nearest([EAST], limit=1000, where=where)
        seen = sorted({near.face(row).photo_id for row in range(len(near.vectors))})
        photos = reading.photos(seen)
        assert sorted(reading.sharpest(where, limit=1000)) == seen
        assert sorted({seen.photo_id for seen in reading.bibs(["1"], limit=1000, where=where)}) == seen
    return sorted(entry.photo.name for entry in photos.values())


class TestFilters:
    @pytest.fixture
    def index(self, index: FaceIndex) -> FaceIndex:
        def take(name: str, minute: int | None, camera: str | None, *text: str) -> None:
            taken_at = None if minute is None else NOON + timedelta(minutes=minute)
            add(index, photo(name), [face(EAST)], [bib("1")], text, taken_at=taken_at, camera=camera)

        take("race/start/1.jpg", 0, "Canon R5", "START", "Müller-Bräu 2906")
        take("race/finish/2.jpg", 30, "Canon R5", "FINISHLINE")
        take("race/finish/late/3.jpg", 60, "Nikon Z9", "Finish", "Zeitnahme")
        take("race/finish2/4.jpg", None, None)
        take("race/5.jpg", 45, "100%_\\", "finished 100%")
        take("other/start/6.jpg", 0, "Canon R5", "START")
        return index

    @pytest.mark.parametrize(
        ("where", "numbers"),
        [
            (PhotoFilter(), "12345"),
            (PhotoFilter(taken_from=NOON), "1235"),
            (PhotoFilter(taken_from=NOON, taken_until=NOON), "1"),
            (PhotoFilter(taken_from=NOON + timedelta(minutes=30), taken_until=NOON + timedelta(minutes=45)), "25"),
            (PhotoFilter(taken_until=NOON + timedelta(minutes=29, seconds=59)), "1"),
            (PhotoFilter(camera="Canon R5"), "12"),
            (PhotoFilter(camera="canon r5"), ""),
            (PhotoFilter(camera="100%_\\"), "5"),
            (PhotoFilter(camera="%"), ""),
            (PhotoFilter(camera="a\0b"), ""),
            (PhotoFilter(folder="finish"), "23"),
            (PhotoFilter(folder="finish/late"), "3"),
            (PhotoFilter(folder="fin"), ""),
            (PhotoFilter(folder="race"), ""),
            (PhotoFilter(folder="%"), ""),
            (PhotoFilter(text="finish"), "235"),
            (PhotoFilter(text="FINISH zeit"), "3"),
            (PhotoFilter(text="zeit finish"), "3"),
            (PhotoFilter(text="muller"), "1"),
            (PhotoFilter(text="Müller"), "1"),
            (PhotoFilter(text="mu\u0308ller"), "1"),
            (PhotoFilter(text="2906"), "1"),
            (PhotoFilter(text="290"), "1"),
            (PhotoFilter(text="100%"), "5"),
            (PhotoFilter(text="startzeit"), ""),
            (PhotoFilter(text="finish", camera="Canon R5"), "2"),
            (PhotoFilter(text="finish", folder="start"), ""),
        ],
        ids=str,
    )
    def test_a_filter_finds_exactly_the_photos_that_meet_it(
        self, index: FaceIndex, where: PhotoFilter, numbers: str
    ) -> None:
        assert [name[-5] for name in sorted(names(index, where), key=lambda name: name[-5])] == list(numbers)

    def test_the_time_zone_of_a_photo_is_ignored(self, index: FaceIndex) -> None:
        add(index, photo("race/7.jpg"), [face(EAST)], [bib("1")], taken_at=datetime(2026, 5, 3, 9, tzinfo=UTC))
        assert names(index, PhotoFilter(taken_until=datetime(2026, 5, 3, 9))) == ["race/7.jpg"]

    def test_a_new_analysis_replaces_the_text_of_the_earlier_one(self, index: FaceIndex) -> None:
        add(index, photo("race/5.jpg", 2), [face(EAST)], [bib("1")], ["start"], taken_at=NOON)
        assert names(index, PhotoFilter(text="start")) == ["race/5.jpg", "race/start/1.jpg"]
        assert "race/5.jpg" not in names(index, PhotoFilter(text="finish"))

    def test_a_removed_photo_meets_no_filter(self, index: FaceIndex) -> None:
        index.remove(photo("race/5.jpg"))
        assert names(index, PhotoFilter(text="finish")) == ["race/finish/2.jpg", "race/finish/late/3.jpg"]
        assert "race/5.jpg" not in names(index, EVERYTHING)

    def test_photos_of_other_albums_are_not_found(self, index: FaceIndex) -> None:
        assert names(index, PhotoFilter(text="start"), "other") == ["other/start/6.jpg"]
        assert names(index, EVERYTHING, "nowhere") == []


class TestNearest:
    def test_near_faces_have_their_vectors(self, index: FaceIndex) -> None:
        add(index, photo("race/1.jpg"), [face(EAST, x=0.5), face(NORTH, quality=0.25)])
        with index.reading("race") as reading:
            near = reading.nearest([EAST], limit=5, where=EVERYTHING)
            seen = {near.face(row).face_id: (near.face(row), near.vectors[row]) for row in range(len(near.vectors))}
        east, vector = seen[face_id(photo("race/1.jpg"), VERSION, 0)]
        assert (east.photo_id, east.box.x, east.quality) == (photo("race/1.jpg").photo_id, 0.5, 0.75)
        assert vector == pytest.approx(EAST.vector, abs=1e-3)
        assert len(seen) == 2

    def test_each_query_has_its_own_nearest_faces(self, index: FaceIndex) -> None:
        for number in range(20):
            add(index, photo(f"race/{number}.jpg"), [face(embedding([1, 0.1 * number, 0]))])
        add(index, photo("race/north.jpg"), [face(NORTH)])
        with index.reading("race") as reading:
            near = reading.nearest([EAST, NORTH], limit=1, where=EVERYTHING)
            assert len(near.vectors) == 2
            assert {near.face(row).photo_id for row in range(2)} == {
                photo("race/0.jpg").photo_id,
                photo("race/north.jpg").photo_id,
            }

    def test_without_near_faces_the_result_is_empty(self, index: FaceIndex) -> None:
        with index.reading("nowhere") as reading:
            assert reading.nearest([EAST], limit=5, where=EVERYTHING).vectors.shape == (0, 3)
        add(index, photo("race/1.jpg"), [face(EAST)])
        with index.reading("race") as reading:
            other_space = embedding([1, 0, 0], "never seen")
            assert reading.nearest([other_space], limit=5, where=EVERYTHING).vectors.shape == (0, 3)
            with pytest.raises(InvalidQuery, match="3 dimensions"):
                reading.nearest([embedding([1, 0])], limit=5, where=EVERYTHING)


class TestBibs:
    def test_a_bib_is_found_by_each_of_its_candidates(self, index: FaceIndex) -> None:
        unclear = replace(
            bib("2906", 0.6, face_index=0),
            candidates=(
                BibCandidate(number="2906", probability=0.6),
                BibCandidate(number="2908", probability=0.3),
            ),
        )
        add(index, photo("race/1.jpg"), [face(EAST, x=0.375)], [unclear])
        add(index, photo("race/2.jpg"), [], [replace(bib("2908", 0.9), partial=True)])
        with index.reading("race") as reading:
            clear, candidate = reading.bibs(["2908"], limit=5, where=EVERYTHING)
            [as_read] = reading.bibs(["2906"], limit=5, where=EVERYTHING)
            assert len(reading.bibs(["2906", "2908", "1"], limit=5, where=EVERYTHING)) == 3
            assert reading.bibs([], limit=5, where=EVERYTHING) == []
            assert reading.bibs(["29\0"], limit=5, where=EVERYTHING) == []
        assert (clear.requested, clear.number, clear.partial, clear.face_box) == ("2908", "2908", True, None)
        assert (candidate.requested, candidate.number) == ("2908", "2906")
        assert candidate.ocr_score == pytest.approx(0.3)
        assert as_read.ocr_score == pytest.approx(0.6)
        assert as_read.face_id == face_id(photo("race/1.jpg"), VERSION, 0)
        assert as_read.face_box is not None
        assert as_read.face_box.x == 0.375

    def test_bibs_come_best_first_up_to_the_limit(self, index: FaceIndex) -> None:
        for number in range(9):
            add(index, photo(f"race/{number}.jpg"), [], [bib("7", number / 16)])
        with index.reading("race") as reading:
            scores = [seen.ocr_score for seen in reading.bibs(["7"], limit=4, where=EVERYTHING)]
        assert scores == [8 / 16, 7 / 16, 6 / 16, 5 / 16]

    def test_bibs_have_exactly_the_number_and_ties_are_ordered_by_photo_id(self, index: FaceIndex) -> None:
        refs = [photo(f"race/{number}.jpg") for number in range(10)]
        for ref in refs:
            add(index, ref, [], [bib("12", 0.5), bib("012", 0.9), bib("1", 0.9), bib("123", 0.9)])
        add(index, photo("other/1.jpg"), [], [bib("12", 1.0)])
        with index.reading("race") as reading:
            seen = reading.bibs(["12"], limit=99, where=EVERYTHING)
            assert reading.bibs(["12"], limit=0, where=EVERYTHING) == []
            assert reading.bibs(["%"], limit=5, where=EVERYTHING) == []
        assert [one.photo_id for one in seen] == sorted(ref.photo_id for ref in refs)


class TestPhotos:
    def test_photos_are_returned_as_they_were_indexed(self, index: FaceIndex) -> None:
        ref = photo("race/cam/1.jpg", 7)
        lines = ["Fünf\n", "", "bad \0 text"]
        add(index, ref, text=lines, taken_at=NOON, camera="Canon R5", sharpness=0.625)
        with index.reading("race") as reading:
            entry = reading.photos([ref.photo_id, photo("race/none.jpg").photo_id])[ref.photo_id]
        assert (entry.photo, entry.pipeline_version, entry.taken_at, entry.camera) == (ref, VERSION, NOON, "Canon R5")
        assert (entry.sharpness, entry.width, entry.height) == (0.625, 640, 480)
        assert entry.lines[:2] == ("Fünf\n", "")

    def test_photos_come_by_falling_sharpness(self, index: FaceIndex) -> None:
        for number in range(5):
            add(index, photo(f"race/{number}.jpg"), sharpness=number % 3 / 4)
        order = sorted(range(5), key=lambda number: (-(number % 3), photo(f"race/{number}.jpg").photo_id))
        with index.reading("race") as reading:
            found = reading.sharpest(EVERYTHING, limit=4)
        assert [entry.photo.name for entry in found.values()] == [f"race/{number}.jpg" for number in order[:4]]


def test_names_of_the_start_list_give_numbers(index: FaceIndex, request: pytest.FixtureRequest) -> None:
    start_list = {"7": "Zoë Müller", "12": "Max MÜLLER-Lüdenscheidt", "13": "Anna Schmidt", "14": ""}
    if isinstance(index, MemoryFaceIndex):
        index.set_entrants("race", start_list)
    else:
        rules = PgAlbumRules(request.getfixturevalue("connections"))
        rules.set_bib_rules("race", BibRules(start_list=StartList(start_list)))

    def numbers(name: str, album: str = "race") -> list[str]:
        with index.reading(album) as reading:
            found = reading.entrants(name, limit=10)
        assert all(found[number] == start_list[number] for number in found)
        return list(found)

    assert numbers("muller") == numbers("MU\u0308LLER") == ["12", "7"]
    assert numbers("zoe müller") == numbers("Müller, Zoë") == ["7"]
    assert numbers("unknown") == numbers("muller", "other") == []


def test_a_start_list_cannot_be_read_letter_by_letter(index: FaceIndex, request: pytest.FixtureRequest) -> None:
    start_list = {"1": "Ann A Bell", "2": "Bo Li", "3": "A", "4": "王伟", "5": ""}
    if isinstance(index, MemoryFaceIndex):
        index.set_entrants("race", start_list)
    else:
        rules = PgAlbumRules(request.getfixturevalue("connections"))
        rules.set_bib_rules("race", BibRules(start_list=StartList(start_list)))

    def numbers(name: str) -> list[str]:
        with index.reading("race") as reading:
            return list(reading.entrants(name, limit=10))

    assert numbers("an") == numbers("bel") == numbers("li") == numbers("e") == [], "only whole words count"
    assert numbers("bell") == numbers("a ann") == ["1"]
    assert numbers("a") == ["3"], "a short word finds who has no other name"
    assert numbers("li bo") == ["2"]
    assert numbers("王伟") == ["4"]


class TestOneMoment:
    def test_a_reading_does_not_see_later_writes(self, index: FaceIndex) -> None:
        old, new = photo("race/1.jpg", 1), photo("race/1.jpg", 2)
        add(index, old, [face(EAST)], [bib("1")])
        with index.reading("race") as reading:
            near = reading.nearest([EAST], limit=5, where=EVERYTHING)
            add(index, new, [face(NORTH)], [bib("2")])
            add(index, photo("race/2.jpg"), [face(EAST)])
            assert reading.photos([near.face(0).photo_id])[old.photo_id].photo == old
            assert [seen.requested for seen in reading.bibs(["1", "2"], limit=5, where=EVERYTHING)] == ["1"]
            assert len(reading.nearest([EAST], limit=5, where=EVERYTHING).vectors) == 1
        with index.reading("race") as reading:
            assert reading.photos([old.photo_id])[old.photo_id].photo == new


class TestEmbeddings:
    def test_embeddings_are_returned_for_faces_of_the_album_only(self, index: FaceIndex) -> None:
        other = embedding([0, 0.6, 0.8, 0], "wider")
        add(index, photo("race/1.jpg"), [face(EAST), face(other)])
        add(index, photo("other/1.jpg"), [face(EAST)])
        ids = [face_id(photo("race/1.jpg"), VERSION, number) for number in range(2)]
        elsewhere = face_id(photo("other/1.jpg"), VERSION, 0)
        found = index.embeddings("race", [*ids, elsewhere, "no id", ids[0]])
        assert set(found) == set(ids)
        assert found[ids[1]].space == "wider"
        assert found[ids[1]].vector == pytest.approx(other.vector, abs=1e-3)
        assert np.linalg.norm(found[ids[1]].vector) == pytest.approx(1, abs=1e-6)
        assert index.embeddings("nowhere", ids) == index.embeddings("race", []) == {}


class TestVideos:
    """One row of a video, one face for each person in it: in one place, one after the other."""

    @pytest.fixture
    def video(self, index: FaceIndex) -> PhotoRef:
        photo = PhotoRef(bucket="photos", name="race/clip.mp4", generation=1)
        found = ToyVideos().analyze_as_photo(
            content_fetch(content := toy_video(faces=[(1, 0, 0, 0), (0, 1, 0, 0)], bibs=["101", "202"])),
            len(content),
            BibRules(),
            on_progress=lambda _: None,
        )
        index.replace(photo, found.pipeline_version, found.analysis)
        return photo

    def test_a_person_and_a_number_are_found_with_their_time(self, index: FaceIndex, video: PhotoRef) -> None:
        with index.reading("race") as album:
            near = album.nearest([toy_face((0, 1, 0, 0)).embedding], limit=1, where=PhotoFilter())
            [bib] = album.bibs(["202"], limit=5, where=PhotoFilter())
            [known] = album.photos([video.photo_id]).values()
        assert near.face(0).box.at_s == 14.0
        assert bib.box is not None
        assert bib.box.at_s == 14.0
        assert bib.face_box == near.face(0).box
        assert (known.duration_s, known.scene_starts) == (20.0, (0.0, 10.0))

    def test_a_photo_in_its_place_has_no_times(self, index: FaceIndex, video: PhotoRef) -> None:
        index.replace(replace(video, generation=2), VERSION, analysis([face(embedding([1, 0, 0, 0]))]))
        with index.reading("race") as album:
            [known] = album.photos([video.photo_id]).values()
        assert (known.duration_s, known.scene_starts) == (None, ())

"""The promises of BibCorrections, BibRescoring and BibProjection, kept by every implementation."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from photofinish.domain.analysis import PhotoAnalysis
from photofinish.domain.bib import Bib
from photofinish.domain.bib_changes import NumberChanges, PhotoBibs
from photofinish.domain.bib_corrections import CorrectionKind, CorrectionRequest, as_read
from photofinish.domain.bib_rules import BibRules
from photofinish.domain.face import face_id
from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef
from photofinish.domain.start_list import BibCandidate, StartList
from photofinish.errors import Conflict, NotFound
from photofinish.ports import AnalyzedVersion, FaceIndex, ReadAgain
from support.bibs import BibStores
from support.faces import face, photo
from support.index import VERSION, add, analysis, photos_with_bib

PHOTO = photo("race/1.jpg")
BY = "key:test"
NEWER = "2.test"
"""A pipeline version with other face ids."""
REPLACE, ADD, REMOVE, MOVE = CorrectionKind.REPLACE, CorrectionKind.ADD, CorrectionKind.REMOVE, CorrectionKind.MOVE
LISTED = BibRules(start_list=StartList({"1495": "Ada"}))


def number(text: str, index: int | None = 0, x: float = 0.25) -> Bib:
    return Bib(number=text, ocr_score=0.9, box=Box(x, 0.4, 0.1, 0.05), face_index=index)


def index_photo(index: FaceIndex, *bibs: Bib, ref: PhotoRef = PHOTO, version: str = VERSION, faces: int = 1) -> None:
    assert add(index, ref, [face(x=0.25 + 0.3 * count) for count in range(faces)], bibs, version=version)


def correct(stores: BibStores, kind: CorrectionKind, text: str, new: str | None = None, **more: str) -> int:
    request = replace(CorrectionRequest(kind=kind, number=text, new_number=new), **more)
    done = stores.corrections.correct("race", PHOTO.photo_id, request, by=BY)
    assert done.operation_id is not None
    return done.operation_id


def numbers(stores: BibStores, *wanted: str) -> list[str]:
    """Those of these numbers by which the photo is found."""
    return [text for text in wanted if PHOTO in photos_with_bib(stores.index, "race", text)]


def test_a_corrected_number_is_found_and_the_wrong_one_is_not(bib_stores: BibStores) -> None:
    index_photo(bib_stores.index, number("14951"))
    request = CorrectionRequest(kind=REPLACE, number="14951", new_number="1495")
    done = bib_stores.corrections.correct("race", PHOTO.photo_id, request, by=BY)
    assert [(bib.number, bib.by_hand, bib.face_id) for bib in done.photo.bibs] == [
        ("1495", True, face_id(PHOTO, VERSION, 0))
    ]
    assert numbers(bib_stores, "14951", "1495") == ["1495"]
    again = bib_stores.corrections.correct("race", PHOTO.photo_id, CorrectionRequest(kind=ADD, number="1495"), by=BY)
    assert again.photo.bibs[0].face_id is None, "adding a number without a face says that its wearer is unknown"


def test_what_changes_nothing_is_no_operation(bib_stores: BibStores) -> None:
    index_photo(bib_stores.index, number("14951"))
    correct(bib_stores, REPLACE, "14951", "1495")
    request = CorrectionRequest(kind=REPLACE, number="1495", new_number="1495")
    done = bib_stores.corrections.correct("race", PHOTO.photo_id, request, by=BY)
    assert done.operation_id is None
    assert len(bib_stores.corrections.operations("race", limit=9)) == 1


@pytest.mark.parametrize("version", [VERSION, NEWER, f"{NEWER}+abcdef12"])
def test_a_correction_survives_another_analysis(bib_stores: BibStores, version: str) -> None:
    index_photo(bib_stores.index, number("14951"), number("7", 1, 0.55), faces=2)
    correct(bib_stores, REPLACE, "14951", "1495")
    correct(bib_stores, MOVE, "7", face_id=face_id(PHOTO, VERSION, 0))
    shown = bib_stores.index.replace(PHOTO, version, _analysis(number("14951"), number("7", 1, 0.55)))
    assert shown is not None
    assert [(bib.number, bib.face_id) for bib in shown.bibs] == [("7", face_id(PHOTO, version, 0)), ("1495", None)]
    assert numbers(bib_stores, "14951", "1495", "7") == ["1495", "7"]


def test_a_correction_does_not_apply_to_another_generation(bib_stores: BibStores) -> None:
    index_photo(bib_stores.index, number("14951"))
    operation = correct(bib_stores, REPLACE, "14951", "1495")
    newer = replace(PHOTO, generation=2)
    index_photo(bib_stores.index, number("14951"), ref=newer)
    assert photos_with_bib(bib_stores.index, "race", "14951") == [newer]
    with pytest.raises(Conflict, match="replaced"):
        bib_stores.corrections.undo("race", operation, by=BY)


def test_undo_and_undo_of_the_undo(bib_stores: BibStores) -> None:
    index_photo(bib_stores.index, number("14951"))
    operation = correct(bib_stores, REPLACE, "14951", "1495")
    undo = bib_stores.corrections.undo("race", operation, by=BY).operation_id
    assert undo is not None
    assert numbers(bib_stores, "14951", "1495") == ["14951"]
    with pytest.raises(Conflict, match="already"):
        bib_stores.corrections.undo("race", operation, by=BY)
    index_photo(bib_stores.index, number("14951"), version=NEWER)
    assert numbers(bib_stores, "14951", "1495") == ["14951"], "what was undone stays undone"
    redo = bib_stores.corrections.undo("race", undo, by="key:other").operation_id
    assert numbers(bib_stores, "14951", "1495") == ["1495"]
    listed = bib_stores.corrections.operations("race", limit=9)
    assert [(one.operation_id, one.kind, one.done_by, one.undoes, one.undone_by, one.is_active) for one in listed] == [
        (redo, "redo", "key:other", undo, None, False),
        (undo, "undo", BY, operation, redo, False),
        (operation, "replace", BY, None, undo, True),
    ]
    assert redo is not None
    assert bib_stores.corrections.undo("race", redo, by=BY).photo.bibs[0].number == "14951"


def test_a_later_correction_of_the_same_number_is_undone_first(bib_stores: BibStores) -> None:
    index_photo(bib_stores.index, number("14951"), number("7", 1, 0.55), faces=2)
    first = correct(bib_stores, REPLACE, "14951", "1495")
    elsewhere = correct(bib_stores, REMOVE, "7")
    second = correct(bib_stores, REPLACE, "1495", "1496")
    with pytest.raises(Conflict, match=str(second)) as refused:
        bib_stores.corrections.undo("race", first, by=BY)
    assert refused.value.code == "changed_since"
    bib_stores.corrections.undo("race", elsewhere, by=BY)
    bib_stores.corrections.undo("race", second, by=BY)
    bib_stores.corrections.undo("race", first, by=BY)
    assert numbers(bib_stores, "14951", "1495", "1496", "7") == ["14951", "7"]


def test_unknown_things_are_refused(bib_stores: BibStores) -> None:
    index_photo(bib_stores.index, number("14951"))
    request = CorrectionRequest(kind=REMOVE, number="14951")
    for album, photo_id in (("race", "f" * 32), ("party", PHOTO.photo_id), ("party", "nonsense")):
        with pytest.raises(NotFound) as refused:
            bib_stores.corrections.correct(album, photo_id, request, by=BY)
        assert refused.value.code == "unknown_photo"
    operation = correct(bib_stores, REMOVE, "14951")
    for album, wrong in (("race", operation + 1), ("party", operation)):
        with pytest.raises(NotFound):
            bib_stores.corrections.undo(album, wrong, by=BY)
    bib_stores.index.remove(PHOTO)
    with pytest.raises(Conflict) as conflict:
        bib_stores.corrections.correct("race", PHOTO.photo_id, request, by=BY)
    assert conflict.value.code == "not_analysed"
    with pytest.raises(Conflict, match="replaced or removed"):
        bib_stores.corrections.undo("race", operation, by=BY)


def test_operations_are_listed_in_pages_and_by_photo(bib_stores: BibStores) -> None:
    other = photo("race/2.jpg")
    index_photo(bib_stores.index, number("14951"))
    index_photo(bib_stores.index, number("14951"), ref=other)
    made = [correct(bib_stores, ADD, str(count)) for count in range(10, 13)]
    added = CorrectionRequest(kind=ADD, number="5")
    elsewhere = bib_stores.corrections.correct("race", other.photo_id, added, by=BY).operation_id
    listed = bib_stores.corrections.operations("race", limit=2)
    assert [one.operation_id for one in listed] == [elsewhere, made[2]]
    assert [one.operation_id for one in bib_stores.corrections.operations("race", limit=9, before=made[2])] == [
        made[1],
        made[0],
    ]
    of_other = bib_stores.corrections.operations("race", photo_id=other.photo_id, limit=9)
    assert [(one.operation_id, one.photo, one.correction.number) for one in of_other] == [(elsewhere, other, "5")]
    assert bib_stores.corrections.operations("party", limit=9) == []


def test_expired_operations_are_forgotten_and_corrections_still_apply(bib_stores: BibStores) -> None:
    index_photo(bib_stores.index, number("14951"))
    kept = correct(bib_stores, REPLACE, "14951", "1495")
    undone = correct(bib_stores, ADD, "12")
    bib_stores.corrections.undo("race", undone, by=BY)
    assert bib_stores.corrections.expire(datetime.now(UTC) - timedelta(days=1)) == 0
    assert bib_stores.corrections.expire(datetime.now(UTC) + timedelta(days=1)) == 2
    [left] = bib_stores.corrections.operations("race", limit=9)
    assert (left.operation_id, left.done_by, left.is_active) == (kept, None, True)
    index_photo(bib_stores.index, number("14951"), version=NEWER)
    assert numbers(bib_stores, "14951", "1495") == ["1495"]


def test_changed_bibs_wait_for_their_document_until_they_are_written(bib_stores: BibStores) -> None:
    index_photo(bib_stores.index, number("14951"))
    assert bib_stores.projection.pending_albums() == [], "an analysis writes its document itself"
    correct(bib_stores, REPLACE, "14951", "1495")
    assert bib_stores.projection.pending_albums() == ["race"]
    [first] = bib_stores.projection.pending("race", limit=9)
    assert [bib.number for bib in first.bibs] == ["1495"]
    correct(bib_stores, ADD, "12")
    bib_stores.projection.done([first])
    [second] = bib_stores.projection.pending("race", limit=9)
    assert second.revision > first.revision
    assert {bib.number for bib in second.bibs} == {"1495", "12"}
    bib_stores.projection.done([second])
    assert bib_stores.projection.pending("race", limit=9) == []


def test_revisions_grow_with_every_change(bib_stores: BibStores) -> None:
    revisions = []
    for version in (VERSION, NEWER, VERSION):
        shown = bib_stores.index.replace(PHOTO, version, _analysis(number("14951")))
        assert shown is not None
        revisions.append(shown.revision)
        request = CorrectionRequest(kind=ADD, number=str(len(revisions)))
        revisions.append(bib_stores.corrections.correct("race", PHOTO.photo_id, request, by=BY).photo.revision)
    assert revisions == sorted(set(revisions))


def test_corrections_and_analyses_at_once_all_apply(bib_stores: BibStores) -> None:
    """Whichever comes first, the photo ends with every number that was added, and without the one that was removed."""
    index_photo(bib_stores.index, number("14951"))
    added = [str(count) for count in range(100, 112)]

    def analyse(count: int) -> None:
        index_photo(bib_stores.index, number("14951"), version=f"{count}.test")

    def add_number(text: str) -> None:
        correct(bib_stores, ADD, text)

    with ThreadPoolExecutor(6) as pool:
        running = [pool.submit(analyse, count) for count in range(12)]
        running += [pool.submit(add_number, text) for text in added]
        running.append(pool.submit(correct, bib_stores, REMOVE, "14951"))
        for one in running:
            one.result()
    assert numbers(bib_stores, "14951", *added) == added


# --- reading again by other rules ---


def found(*bibs: Bib, ref: PhotoRef = PHOTO, version: str = VERSION, faces: int = 1) -> ReadAgain:
    face_ids = [face_id(ref, version, index) for index in range(faces)]
    boxes = {id_: face(x=0.25 + 0.3 * count).box for count, id_ in enumerate(face_ids)}
    return ReadAgain(
        version=AnalyzedVersion(photo=ref, pipeline_version=version), bibs=as_read(bibs, face_ids), faces=boxes
    )


def test_other_rules_make_photos_outdated_until_they_are_read_again(bib_stores: BibStores) -> None:
    rescoring = bib_stores.rescoring
    refs = sorted((photo(f"race/{count}.jpg") for count in range(3)), key=lambda ref: ref.photo_id)
    for ref in refs:
        index_photo(bib_stores.index, number("14951"), ref=ref)
    bib_stores.index.remove(refs[2])
    assert rescoring.waiting() == []
    assert rescoring.outdated("race", "", limit=9) == []
    bib_stores.rules.set_bib_rules("race", LISTED)
    assert rescoring.waiting() == ["race"]
    rules = LISTED.fingerprint
    assert [one.photo for one in rescoring.outdated("race", rules, limit=9)] == refs[:2]
    assert [one.photo for one in rescoring.outdated("race", rules, limit=1)] == refs[:1]
    after = rescoring.outdated("race", rules, limit=9, after=refs[0].photo_id)
    assert [one.photo for one in after] == refs[1:2]
    assert rescoring.state("race", rules).remaining == 2

    assert rescoring.read_again("race", rules, [found(number("1495"), ref=refs[0])], without_text=after)
    state = rescoring.state("race", rules)
    assert (state.photos, state.skipped, state.remaining) == (1, 1, 0)
    assert state.numbers == NumberChanges(changed=1)
    rescoring.finish("race", rules)
    assert rescoring.waiting() == []
    assert photos_with_bib(bib_stores.index, "race", "1495") == refs[:1]
    assert photos_with_bib(bib_stores.index, "race", "14951") == refs[1:2], "without its text it keeps its number"
    assert [one.photo for one in bib_stores.projection.pending("race", limit=9)] == refs[:1]


def test_reading_again_keeps_corrections(bib_stores: BibStores) -> None:
    index_photo(bib_stores.index, number("14951"), number("7", 1, 0.55), faces=2)
    correct(bib_stores, REPLACE, "14951", "1490")
    bib_stores.rules.set_bib_rules("race", LISTED)
    again = found(number("1495"), number("77", 1, 0.55), faces=2)
    assert bib_stores.rescoring.read_again("race", LISTED.fingerprint, [again])
    assert numbers(bib_stores, "14951", "1495", "1490", "7", "77") == ["1490", "77"]
    assert bib_stores.rescoring.state("race", LISTED.fingerprint).numbers == NumberChanges(changed=1)
    operation = bib_stores.corrections.operations("race", limit=1)[0].operation_id
    bib_stores.corrections.undo("race", operation, by=BY)
    assert numbers(bib_stores, "14951", "1495", "1490") == ["1495"], "undone, it shows what the new rules read"


def test_a_photo_that_was_analysed_again_meanwhile_is_left_alone(bib_stores: BibStores) -> None:
    index_photo(bib_stores.index, number("14951"))
    bib_stores.rules.set_bib_rules("race", LISTED)
    index_photo(bib_stores.index, number("1495"), version=f"{NEWER}+{LISTED.fingerprint}")
    assert bib_stores.rescoring.outdated("race", LISTED.fingerprint, limit=9) == []
    assert bib_stores.rescoring.read_again("race", LISTED.fingerprint, [found(number("1"))])
    assert numbers(bib_stores, "1", "1495") == ["1495"]
    assert bib_stores.rescoring.state("race", LISTED.fingerprint).photos == 0


def test_rules_that_changed_meanwhile_stop_reading_by_the_earlier_ones(bib_stores: BibStores) -> None:
    index_photo(bib_stores.index, number("14951"))
    bib_stores.rules.set_bib_rules("race", LISTED)
    bib_stores.rules.set_bib_rules("race", BibRules(min_digits=4))
    assert not bib_stores.rescoring.read_again("race", LISTED.fingerprint, [found(number("1495"))])
    bib_stores.rescoring.finish("race", LISTED.fingerprint)
    assert bib_stores.rescoring.waiting() == ["race"]
    assert numbers(bib_stores, "14951", "1495") == ["14951"]


def test_a_late_analysis_by_earlier_rules_makes_the_album_wait_again(bib_stores: BibStores) -> None:
    index_photo(bib_stores.index, number("14951"))
    bib_stores.rules.set_bib_rules("race", LISTED)
    rules = LISTED.fingerprint
    assert bib_stores.rescoring.read_again("race", rules, [found(number("1495"))])
    bib_stores.rescoring.finish("race", rules)
    index_photo(bib_stores.index, number("14951"), ref=photo("race/late.jpg"))
    assert bib_stores.rescoring.waiting() == ["race"]
    assert [one.photo for one in bib_stores.rescoring.outdated("race", rules, limit=9)] == [photo("race/late.jpg")]


def test_the_same_rules_again_change_nothing(bib_stores: BibStores) -> None:
    index_photo(bib_stores.index, number("14951"))
    bib_stores.rules.set_bib_rules("race", BibRules())
    assert bib_stores.rescoring.waiting() == []
    bib_stores.rules.set_bib_rules("race", LISTED)
    assert bib_stores.rescoring.read_again("race", LISTED.fingerprint, [found(number("1495"))])
    bib_stores.rescoring.finish("race", LISTED.fingerprint)
    bib_stores.rules.set_bib_rules("race", LISTED)
    assert bib_stores.rescoring.waiting() == []
    assert bib_stores.rescoring.state("race", LISTED.fingerprint).photos == 1


def test_one_process_at_a_time_reads_an_album_again(bib_stores: BibStores) -> None:
    index_photo(bib_stores.index, number("14951"))
    with bib_stores.rescoring.exclusively("race") as first, bib_stores.rescoring.exclusively("race") as second:
        assert (first, second) == (True, False)
    with bib_stores.rescoring.exclusively("race") as again:
        assert again


def test_candidates_are_returned_as_they_were_read(bib_stores: BibStores) -> None:
    candidates = tuple(
        BibCandidate(number=text, probability=share) for text, share in (("1495", 0.625), ("1496", 0.25))
    )
    index_photo(bib_stores.index, replace(number("1495"), candidates=candidates), number("8", 1, 0.55), faces=2)
    correct(bib_stores, REMOVE, "8")
    shown: list[PhotoBibs] = bib_stores.projection.pending("race", limit=9)
    assert [bib.candidates for bib in shown[0].bibs] == [candidates]


def _analysis(*bibs: Bib) -> PhotoAnalysis:
    return analysis([face(x=0.25), face(x=0.55)], bibs)

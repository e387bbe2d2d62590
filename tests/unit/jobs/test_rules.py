"""The bib rules of an album reach the analysis of its photos."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from photofinish.adapters.memory.album_rules import MemoryAlbumRules
from photofinish.adapters.memory.failing import before_call, fail_once
from photofinish.adapters.memory.work import MemoryWorkQueue
from photofinish.domain.bib_rules import BibRules
from photofinish.domain.sidecar import sidecar_name
from photofinish.domain.start_list import StartList
from photofinish.errors import Unavailable
from photofinish.ports import WorkItem
from photofinish_jobs.rules import RecentRules
from support.pipeline import MemoryCloud, toy_photo
from support.waiting import wait_until

RACE = BibRules(start_list=StartList({"42": "Ada Lovelace"}))


def test_each_photo_follows_the_rules_of_its_own_album() -> None:
    cloud = MemoryCloud(queue=MemoryWorkQueue(ack_deadline_s=10, complete=True))
    cloud.album_rules.set_bib_rules("race", RACE)
    photos = [cloud.drop(f"{album}/1.jpg", toy_photo(bibs=["42", "17"])).ref for album in ("race", "party")]
    cloud.worker().run()
    records = [cloud.documents.get(photo.album, photo.photo_id) for photo in photos]
    assert [record.fields["bib_numbers"] for record in records if record] == [["42"], ["17", "42"]]


def test_other_rules_make_another_result_with_the_same_faces() -> None:
    """A sidecar's name includes the rules, so the new one does not collide with the old one; faces keep their ids."""
    cloud = MemoryCloud(queue=MemoryWorkQueue(ack_deadline_s=10, complete=True))
    photo = cloud.drop("race/1.jpg", toy_photo(bibs=["42", "17"])).ref
    cloud.worker().run()
    before = cloud.documents.get("race", photo.photo_id)
    cloud.album_rules.set_bib_rules("race", RACE)
    assert cloud.documents.record_requeued(photo, trace_id="again")
    cloud.queue.publish([WorkItem(photo=photo, trace_id="again", uploaded_at=datetime.now(UTC))])
    cloud.worker().run()
    after = cloud.documents.get("race", photo.photo_id)
    assert before is not None
    assert after is not None
    assert after.fields["bib_numbers"] == ["42"]
    assert after.fields["sidecar"] == sidecar_name(photo, f"toy-1+{RACE.fingerprint}") != before.fields["sidecar"]
    assert [face["face_id"] for face in after.fields["faces"]] == [face["face_id"] for face in before.fields["faces"]]


def test_rules_are_read_again_only_when_they_are_old() -> None:
    album_rules, reads = MemoryAlbumRules(), list[str]()
    before_call(album_rules.bib_rules, reads.append)
    recent = RecentRules(album_rules, keep_s=3600)
    assert [recent.of("race") for _ in range(5)] == [BibRules()] * 5
    assert reads == ["race"]
    always = RecentRules(album_rules, keep_s=0)
    always.of("race")
    album_rules.set_bib_rules("race", RACE)
    assert always.of("race") == RACE


def test_unavailable_rules_are_an_error_and_are_read_again_for_the_next_photo() -> None:
    album_rules = MemoryAlbumRules()
    fail_once(album_rules.bib_rules, Unavailable("the database is unavailable"))
    recent = RecentRules(album_rules)
    with pytest.raises(Unavailable):
        recent.of("race")
    assert recent.of("race") == BibRules()


def test_threads_that_need_the_same_rules_at_once_read_them_once() -> None:
    album_rules, reads, asking = MemoryAlbumRules(), list[str](), list[str]()

    def read_when_all_ask(album: str) -> None:
        reads.append(album)
        wait_until(lambda: len(asking) == 8, "all threads to ask")

    before_call(album_rules.bib_rules, read_when_all_ask)
    recent = RecentRules(album_rules)

    def ask(album: str) -> BibRules:
        asking.append(album)
        return recent.of(album)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, ["race"] * 8)) == [BibRules()] * 8
    assert reads == ["race"]

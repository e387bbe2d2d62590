"""Reading an album's numbers again within a time limit, page by page."""

from __future__ import annotations

from dataclasses import replace

import pytest

from photofinish.adapters.memory.documents import MemoryDocuments
from photofinish.adapters.memory.failing import before_call
from photofinish.adapters.memory.photo_store import MemoryPhotoStore
from photofinish.application.bibs import rescoring
from photofinish.application.bibs.projection import BibProjector
from photofinish.application.bibs.rescoring import AlbumRescorer
from photofinish.domain.bib import TextLine, find_bibs
from photofinish.domain.bib_changes import NumberChanges
from photofinish.domain.bib_rules import BibRules
from photofinish.domain.geometry import Box
from photofinish.domain.photo import PhotoRef
from photofinish.domain.sidecar import sidecar, sidecar_bytes, sidecar_name
from photofinish_cli.commands.rules import what_changed
from support.bibs import BibStores
from support.faces import face_in, photo
from support.index import VERSION, analysis, photos_with_bib

LONG = BibRules(min_digits=4)


class Album:
    """An album in memory whose photos show one number each."""

    def __init__(self) -> None:
        self.stores = BibStores.in_memory()
        self.store = MemoryPhotoStore()
        self.people: list[str] = []
        projector = BibProjector(self.stores.projection, MemoryDocuments())
        self.rescorer = AlbumRescorer(
            self.stores.rules, self.stores.rescoring, self.store, projector, publish_people=self.people.append
        )

    def add(self, name: str, number: str, *, with_sidecar: bool = True) -> PhotoRef:
        ref = photo(f"race/{name}.jpg")
        lines = (TextLine(text=number, ocr_score=0.95, box=Box(0.38, 0.4, 0.1, 0.06)),)
        faces = (face_in(Box(0.4, 0.2, 0.06, 0.08)),)
        found = replace(analysis(faces, find_bibs(lines, faces, width=640, height=480)), text=lines)
        if with_sidecar:
            content = sidecar_bytes(sidecar(ref, found, VERSION))
            self.store.put_derived(sidecar_name(ref, VERSION), content, "application/json")
        assert self.stores.index.replace(ref, VERSION, found)
        return ref

    def found(self, number: str) -> list[str]:
        return [ref.name for ref in photos_with_bib(self.stores.index, "race", number)]


def test_all_photos_are_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rescoring, "PAGE", 2)
    album = Album()
    for count in range(5):
        album.add(str(count), "77" if count % 2 else "2906")
    album.add("lost", "12345", with_sidecar=False)
    album.stores.rules.set_bib_rules("race", LONG)
    done = album.rescorer.rescore("race", budget_s=60)
    assert (done.photos, done.skipped, done.remaining) == (5, 1, 0)
    assert done.numbers == NumberChanges(removed=2)
    assert (album.found("77"), len(album.found("2906")), album.found("12345")) == ([], 3, ["race/lost.jpg"])
    assert album.people == ["race"]
    assert album.rescorer.sweep(budget_s=60) == 0


def test_each_call_reads_a_page_at_least_and_the_next_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rescoring, "PAGE", 2)
    album = Album()
    for count in range(5):
        album.add(str(count), "77")
    album.stores.rules.set_bib_rules("race", LONG)
    left = [album.rescorer.rescore("race", budget_s=0).remaining for _ in range(4)]
    assert left == [3, 1, 0, 0]
    assert album.stores.rescoring.state("race", LONG.fingerprint).numbers == NumberChanges(removed=5)


def test_rules_that_change_meanwhile_are_followed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rescoring, "PAGE", 2)
    album = Album()
    for count in range(5):
        album.add(str(count), "77")
    album.stores.rules.set_bib_rules("race", LONG)
    calls: list[object] = []

    def change_back(*_: object, **__: object) -> None:
        calls.append(None)
        if len(calls) == 2:
            album.stores.rules.set_bib_rules("race", BibRules())

    before_call(album.stores.rescoring.read_again, change_back)
    assert album.rescorer.rescore("race", budget_s=60).remaining == 0
    assert len(album.found("77")) == 5


def test_where_another_process_reads_the_album_this_one_waits() -> None:
    album = Album()
    album.add("1", "77")
    album.stores.rules.set_bib_rules("race", LONG)
    with album.stores.rescoring.exclusively("race"):
        assert album.rescorer.rescore("race", budget_s=60).remaining == 1
    assert album.rescorer.rescore("race", budget_s=60).remaining == 0


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ((1204, 31, 12, 4, 0), "1,204 photos read again: 31 numbers added, 12 removed, 4 changed"),
        ((1, 0, 1, 0, 0), "1 photo read again: 1 number removed"),
        ((9, 0, 0, 0, 0), "9 photos read again: no number changed"),
        ((9, 0, 0, 2, 3), "9 photos read again: 2 numbers changed; 3 have no stored text"),
    ],
)
def test_the_command_says_what_changed(counts: tuple[int, ...], sentence: str) -> None:
    fields = dict(zip(("photos", "added", "removed", "changed", "skipped"), counts, strict=True))
    assert what_changed("race", fields).startswith(sentence)

"""What was found in an album's photos, with the names that organisers know, for exports."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from photofinish.domain.photo_facts import AlbumNames, PhotoFact, facts_of, keywords_of, rating_of
from photofinish.domain.xmp import PhotoMetadata
from photofinish.ports import AlbumRules, People, PhotoRecord

_PHOTOS_AT_ONCE = 200
_PEOPLE_AT_ONCE = 500


class AlbumFacts:
    """Reads who is who in albums. Threads may share it."""

    def __init__(self, people: People, rules: AlbumRules) -> None:
        self._people = people
        self._rules = rules

    def names(self, album: str) -> AlbumNames:
        """The names of the album's start list and people."""
        start_list = self._rules.bib_rules(album).start_list
        people: dict[str, str] = {}
        after = None
        while page := self._people.list_people(album, limit=_PEOPLE_AT_ONCE, after=after, named=True):
            people |= {person.person_id: person.name for person in page if person.name}
            after = page[-1].person_id
        return AlbumNames(listed={} if start_list is None else start_list.names, people=people)

    def of_photos(
        self, album: str, records: Iterable[PhotoRecord], names: AlbumNames
    ) -> Iterator[tuple[PhotoRecord, list[PhotoFact]]]:
        """Yield each photo with its facts, in order, some hundred read at a time."""
        remaining = iter(records)
        while some := list(itertools.islice(remaining, _PHOTOS_AT_ONCE)):
            faces = [face["face_id"] for record in some for face in record.fields.get("faces") or ()]
            owners = self._people.face_owners(album, faces) if faces else {}
            persons = {face: owner.person_id for face, owner in owners.items()}
            for record in some:
                yield record, facts_of(record.fields, persons, names)

    def metadata(self, album: str, records: Iterable[PhotoRecord]) -> dict[str, PhotoMetadata]:
        """Photo id → what is written into a copy of the photo."""
        found = {}
        for record, facts in self.of_photos(album, records, self.names(album)):
            numbers, people = keywords_of(facts)
            found[record.ref.photo_id] = PhotoMetadata(numbers=numbers, names=people, rating=rating_of(record.fields))
        return found

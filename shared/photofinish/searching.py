"""Searching an album by everything known of a photo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from photofinish.domain.face import Embedding
from photofinish.domain.matching import Calibration
from photofinish.domain.search import SearchPage, SearchQuery
from photofinish.ports import FaceIndex


class NamedPerson(Protocol):
    """What is needed of a person."""

    @property
    def person_id(self) -> str: ...

    @property
    def name(self) -> str | None: ...


class PeopleByName(Protocol):
    """What is needed of the people of an album."""

    def find_by_name(self, album: str, name: str) -> Sequence[NamedPerson]:
        """Those who may be meant."""
        ...

    def embeddings(self, album: str, person_id: str) -> Sequence[Embedding]:
        """What the person looks like; empty where nothing is known."""
        ...


class Searcher:
    """Finds photos of an album; safe to share between threads."""

    def __init__(self, index: FaceIndex, people: PeopleByName, calibrations: Mapping[str, Calibration]) -> None:
        """`calibrations` tells for every embedding space what similarities in it mean."""
        self._index = index
        self._people = people
        self._calibrations = calibrations

    def search(self, query: SearchQuery) -> SearchPage:
        """The page of photos that `query` asks for.

        Raises:
            ValueError: the query's cursor is not of this query, its embedding space is not calibrated, or its
                embeddings have another dimension than the album's.
        """
        raise NotImplementedError

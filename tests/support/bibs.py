"""An index with the doubles or adapters that correct its bib numbers and read them again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from photofinish.adapters.memory.album_rules import MemoryAlbumRules
from photofinish.adapters.memory.bibs import MemoryBibs
from photofinish.adapters.memory.face_index import MemoryFaceIndex
from photofinish.adapters.postgres.album_rules import PgAlbumRules
from photofinish.adapters.postgres.bibs.corrections import PgBibCorrections
from photofinish.adapters.postgres.bibs.projection import PgBibProjection
from photofinish.adapters.postgres.bibs.rescoring import PgBibRescoring
from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.faces import PgFaceIndex
from photofinish.ports import AlbumRules, BibCorrections, BibProjection, BibRescoring, FaceIndex


@dataclass(frozen=True)
class BibStores:
    """The ports of bib numbers over one index."""

    index: FaceIndex
    rules: AlbumRules
    corrections: BibCorrections
    rescoring: BibRescoring
    projection: BibProjection

    @classmethod
    def in_memory(cls) -> BibStores:
        index, rules = MemoryFaceIndex(), MemoryAlbumRules()
        bibs = MemoryBibs(index, rules)
        return cls(index, rules, bibs, bibs, bibs)

    @classmethod
    def in_postgres(cls, database: Database) -> BibStores:
        return cls(
            PgFaceIndex(database),
            PgAlbumRules(database),
            PgBibCorrections(database),
            PgBibRescoring(database),
            PgBibProjection(database),
        )


@pytest.fixture(params=["memory", "postgres"])
def bib_stores(request: pytest.FixtureRequest) -> Iterator[BibStores]:
    if request.param == "memory":
        yield BibStores.in_memory()
        return
    opened = Database(request.getfixturevalue("database"), max_connections=8)
    yield BibStores.in_postgres(opened)
    opened.close()

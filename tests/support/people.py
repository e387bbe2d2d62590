"""An album with faces in a real Postgres, and the adapters of its people."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import psycopg
import pytest
from numpy.typing import NDArray

from photofinish.adapters.postgres.database import Database
from photofinish.adapters.postgres.faces import PgFaceIndex
from photofinish.adapters.postgres.people.clusters import PgClusters
from photofinish.adapters.postgres.people.numbers import PgPeopleNumbers
from photofinish.adapters.postgres.people.people import PgPeople
from photofinish.adapters.postgres.people.users import PgUsers
from photofinish.application.people.clustering import PeopleClustering
from photofinish.domain.bib import Bib
from photofinish.domain.face import face_id
from photofinish.domain.matching import Calibration
from photofinish.domain.photo import PhotoRef
from support.faces import SPACE, embedding, face, photo
from support.index import VERSION, add

ALBUM = "race"
BY = "key:test"

CALIBRATION = Calibration(min_similarity=0.515, stranger_similarity=0.6, slope=14, offset=-4.5, selfie_min_quality=0.2)


def people(counts: list[int], *, spread: float = 0.5, dimension: int = 24, seed: int = 0) -> NDArray[np.float32]:
    """Unit rows (N, D): `counts` faces of each person, each somewhat different; persons far apart."""
    rng = np.random.default_rng(seed)
    rows = []
    for count in counts:
        center = rng.normal(size=dimension)
        center /= np.linalg.norm(center)
        for _ in range(count):
            noise = rng.normal(size=dimension)
            rows.append(center + spread * noise / np.linalg.norm(noise))
    vectors = np.array(rows, np.float32).reshape(-1, dimension)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@dataclass
class TestAlbum:
    """Faces of made-up persons, somewhat different on every photo."""

    __test__ = False

    database: Database
    conninfo: str
    name: str = ALBUM
    space: str = SPACE
    dimension: int = 32
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7))
    _centers: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    @property
    def index(self) -> PgFaceIndex:
        return PgFaceIndex(self.database)

    @property
    def people(self) -> PgPeople:
        return PgPeople(self.database)

    @property
    def users(self) -> PgUsers:
        return PgUsers(self.database)

    @property
    def numbers(self) -> PgPeopleNumbers:
        return PgPeopleNumbers(self.database)

    def vector(self, person: str, *, spread: float = 0.35) -> NDArray[np.float64]:
        """A new embedding (D,) of `person`: two of one person have a cosine of about 1 / (1 + spread²)."""
        center = self._centers.get(person)
        if center is None:
            center = self.rng.normal(size=self.dimension)
            center = self._centers[person] = center / np.linalg.norm(center)
        noise = self.rng.normal(size=self.dimension)
        noise -= (noise @ center) * center
        vector: NDArray[np.float64] = center + spread * noise / np.linalg.norm(noise)
        return vector

    def add(
        self, name: str, *persons: str, bibs: Sequence[Bib] = (), quality: float = 0.75, spread: float = 0.35
    ) -> list[str]:
        """Index a photo of these persons, and return the ids of their faces."""
        ref = self.photo(name)
        faces = [
            face(
                embedding(self.vector(person, spread=spread), self.space),
                x=0.05 + 0.9 * number / max(len(persons), 1),
                quality=quality,
            )
            for number, person in enumerate(persons)
        ]
        assert add(self.index, ref, faces, bibs)
        return [face_id(ref, VERSION, number) for number in range(len(persons))]

    def photo(self, name: str) -> PhotoRef:
        return photo(f"{self.name}/{name}.jpg")

    def owners(self) -> dict[str, str]:
        """Face id → person id."""
        return {str(face): str(person) for face, person in self.sql("SELECT face_id, person_id FROM person_face")}

    def clustering(self, calibration: Calibration = CALIBRATION) -> PeopleClustering:
        clusters = PgClusters(self.database)
        # Each run at once, however long the last one took.
        return PeopleClustering(
            clusters, {self.space: calibration}, publish=lambda _: None, run_every_s=0, max_share=math.inf
        )

    def sql(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.conninfo) as connection:
            return connection.execute(statement, parameters).fetchall()  # type: ignore[arg-type]

    def dump(self) -> str:
        """The content of all tables as text."""
        tables = [row[0] for row in self.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        return "\n".join(str(row) for table in tables for row in self.sql(f'SELECT * FROM "{table}"'))


@pytest.fixture
def album(database: str, function_database: str) -> Iterator[TestAlbum]:
    connections = Database(function_database)
    try:
        yield TestAlbum(connections, database)
    finally:
        connections.close()

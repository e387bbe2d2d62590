"""What apps see of people, in memory: the public double of ``adapters/firestore_people.py``."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from photofinish.adapters.pg_people_projection import PersonDocument


class MemoryPeopleDocuments:
    """Documents by album and person, gone with the process; threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.documents: dict[tuple[str, str], PersonDocument] = {}

    def write(self, album: str, documents: Mapping[str, PersonDocument | None]) -> None:
        with self._lock:
            for person_id, document in documents.items():
                if document is None:
                    self.documents.pop((album, person_id), None)
                else:
                    self.documents[album, person_id] = document

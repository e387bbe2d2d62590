"""Turn settings into adapters and use cases; the only module that imports adapters.

Everything is created on first use, never at import, and each library is imported where it is used: a function that
needs only Firestore does not pay for the database client or the models in its cold start and memory.
"""

from __future__ import annotations

import functools

from photofinish.settings import Settings
from photofinish.wiring.database import (
    access_store,
    database_url,
    migrate_database,
    pgvector_version,
    pgvector_warnings,
    unsearchable_photos,
)
from photofinish.wiring.models import model_settings
from photofinish.wiring.use_cases import App

__all__ = [
    "App",
    "access_store",
    "app",
    "database_url",
    "migrate_database",
    "model_settings",
    "pgvector_version",
    "pgvector_warnings",
    "unsearchable_photos",
]


@functools.cache
def app() -> App:
    """Return the deployment that the environment describes.

    Raises:
        Misconfigured: lists every variable that is missing or wrong.
    """
    return App(Settings.from_env())

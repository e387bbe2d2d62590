"""The database alone: migrations, and stores for which no other settings of a deployment are needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from photofinish.ports import AccessStore
from photofinish.settings import DatabaseSettings

if TYPE_CHECKING:
    pass


def access_store() -> AccessStore:
    """Return the store of API keys and audit entries in the database that the environment names.

    No other settings of a deployment are needed.
    """
    from photofinish.adapters.postgres.access import PgAccessStore
    from photofinish.adapters.postgres.database import Database

    return PgAccessStore(Database(database_url()))


def migrate_database(grants: Sequence[str] = ()) -> list[str]:
    """Migrate the database, see :func:`photofinish.adapters.postgres.migrating.migrate`.

    `grants` are what its users may do, each RIGHTS:USER, see :mod:`photofinish.adapters.postgres.granting`.
    """
    from photofinish.adapters.postgres import granting
    from photofinish.adapters.postgres.migrating import migrate

    settings = DatabaseSettings.from_env()
    url = settings.database_url.get_secret_value()
    return migrate(url, rights=granting.parse(grants), wait_s=settings.database_wait_s)


def unsearchable_photos() -> dict[str, int]:
    """See :func:`photofinish.adapters.postgres.migrating.unsearchable_photos`."""
    from photofinish.adapters.postgres import migrating

    return migrating.unsearchable_photos(database_url())


def pgvector_warnings() -> list[str]:
    """See :func:`photofinish.adapters.postgres.migrating.pgvector_warnings`."""
    from photofinish.adapters.postgres import migrating

    return migrating.pgvector_warnings(database_url())


def pgvector_version() -> str:
    """See :func:`photofinish.adapters.postgres.migrating.pgvector_version`."""
    from photofinish.adapters.postgres import migrating

    return migrating.pgvector_version(database_url())


def database_url() -> str:
    """Return the connection string of the database; raises Misconfigured if it is not set."""
    return DatabaseSettings.from_env().database_url.get_secret_value()

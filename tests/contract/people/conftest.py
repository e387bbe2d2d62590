"""Every test here has an album of its own in a real Postgres."""

from support.people import album
from support.postgres import database

__all__ = ["album", "database"]

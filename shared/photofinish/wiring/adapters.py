"""All adapters and models of a deployment, under one name for the use cases that are put together from them."""

from __future__ import annotations

from photofinish.wiring.google_adapters import GoogleAdapters
from photofinish.wiring.models import Models
from photofinish.wiring.postgres_adapters import PostgresAdapters


class Adapters(GoogleAdapters, PostgresAdapters, Models):
    """What use cases are made of; each is made when it is first used."""

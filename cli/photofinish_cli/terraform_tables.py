"""What the Terraform configuration sets up, from `terraform/tables/`: the local cloud is made from it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from photofinish.errors import Misconfigured

TABLES = Path(__file__).parents[2] / "terraform" / "tables"


def applied(tables: Path = TABLES) -> dict[str, Any]:
    """Topics, subscriptions, schedules, grants and more, as `make terraform-applied` wrote them.

    Raises:
        Misconfigured: the file is missing.
    """
    content: dict[str, Any] = json.loads(_text(tables / "applied.json"))
    return content


def roles(tables: Path = TABLES) -> dict[str, list[str]]:
    """Role → its permissions; raises Misconfigured if the file is missing."""
    return {role: entry["permissions"] for role, entry in tomllib.loads(_text(tables / "roles.toml")).items()}


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Misconfigured(f"{file} is missing: the local cloud runs from a clone of the project") from None

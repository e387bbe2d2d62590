"""Who may do what in the local cloud: the grants that Terraform makes, and the permissions of the granted roles."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from photofinish.errors import Misconfigured
from photofinish_cli.terraform_tables import TABLES, applied, roles
from photofinish_emulators.stack import Access

ANALYZE_ACCOUNT = "job-analyze"
DEPLOYER_ACCOUNT = "photofinish-deployer"
SECRETS = {
    "PHOTOFINISH_AWS_KEY_SECRET": "photofinish-key-secret",
    "PHOTOFINISH_TOKEN_SECRET": "photofinish-token-secret",
    "PHOTOFINISH_PEPPER": "photofinish-pepper",
    "PHOTOFINISH_RECEIPT_KEY": "photofinish-receipt-key",
    "PHOTOFINISH_WEBHOOK_KEY": "photofinish-webhook-key",
}
"""Environment variable → name of the secret that Terraform takes it from."""


def function_account(name: str) -> str:
    """The service account that Terraform makes for a function."""
    return f"fn-{name}"


def terraform_access(tables: Path = TABLES) -> Access:
    """The grants of the Terraform configuration, as permissions.

    Raises:
        Misconfigured: a file is missing, or a granted role is in no table.
    """
    content = applied(tables)
    known = roles(tables) | content["custom_roles"]
    return Access(
        grants={
            account: {on: _permissions(granted, known) for on, granted in resources.items()}
            for account, resources in content["grants"].items()
        },
        storage_agent="storage-agent",
        scheduler_agent="scheduler-agent",
        database_users=content["database"]["users"],
        others=(DEPLOYER_ACCOUNT,),
    )


def _permissions(granted: list[str], known: Mapping[str, list[str]]) -> list[str]:
    if unknown := [role for role in granted if role not in known]:
        raise Misconfigured(f"{TABLES / 'roles.toml'}: {', '.join(unknown)} is granted and missing there")
    return sorted({permission for role in granted for permission in known[role]})

"""Service accounts of a local cloud: their ports at each server, and the environment of processes that run as them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from photofinish_emulators.common.iam import PROJECT, Policy
from photofinish_emulators.common.state_dir import CannotServe
from photofinish_emulators.postgres import DatabaseUser
from photofinish_emulators.stack.spec import Access, Function, StackSpec
from photofinish_emulators.storage import STORAGE_TOPIC

IAM_FILE = "iam.json"
INVOKE = "run.routes.invoke"
SERVERS = ("firestore", "pubsub", "storage", "run-jobs")
"""Those that know their callers by the port."""
# For the topic that the local storage server itself needs: the real one has none.
_STORAGE_OWN = {
    PROJECT: ("pubsub.topics.create", "pubsub.subscriptions.create"),
    f"topic/{STORAGE_TOPIC}": ("pubsub.topics.publish", "pubsub.topics.attachSubscription"),
    f"subscription/{STORAGE_TOPIC}": ("pubsub.subscriptions.consume",),
}


@dataclass(frozen=True, slots=True)
class Accounts:
    """The service accounts of one local cloud."""

    project: str
    access: Access
    names: tuple[str, ...]
    file: Path

    def port_names(self, servers: Iterable[str]) -> list[str]:
        """Of every account's port at each of these servers, as `ports.json` has them."""
        return [_port_name(server, account) for server in SERVERS if server in servers for account in self.names]

    def options(self, server: str, ports: Mapping[str, int]) -> list[str]:
        """Options of a server, by which it serves every account."""
        pairs = [f"--account={account}={ports[_port_name(server, account)]}" for account in self.names]
        return [f"--iam={self.file}", *pairs]

    def write_policy(self) -> None:
        """Write what the servers read."""
        grants = {account: dict(resources) for account, resources in self.access.grants.items()}
        agent = grants.setdefault(self.access.storage_agent, {})
        for on, permissions in _STORAGE_OWN.items():
            agent[on] = [*agent.get(on, ()), *permissions]
        Policy(self.project, grants).write(self.file)

    def check_secrets(self, functions: Iterable[Function]) -> None:
        """Raise CannotServe, in Cloud Run's words, for a function whose account may not read one of its secrets."""
        for function in functions:
            for secret in function.secrets:
                if not self.policy.allows(
                    function.service_account, "secretmanager.versions.access", f"secret/{secret}"
                ):
                    raise CannotServe(
                        f"{function.name}: Permission denied on secret: "
                        f"projects/{self.project}/secrets/{secret}/versions/latest for Revision service account "
                        f"{self.policy.email(function.service_account)}. The service account used must be granted "
                        "the 'Secret Manager Secret Accessor' role (roles/secretmanager.secretAccessor) at the "
                        "secret, project or higher level."
                    )

    def invokers(self, function: str) -> list[str]:
        """Emails of the accounts that may invoke a function."""
        on = f"service/{function}"
        return [self.policy.email(each) for each in self.access.grants if self.policy.allows(each, INVOKE, on)]

    @property
    def policy(self) -> Policy:
        return Policy(self.project, self.access.grants)

    def environment(self, account: str, addresses: Mapping[str, str], ports: Mapping[str, int]) -> dict[str, str]:
        """The addresses of the servers for a process of this account, by server; those of others stay as they are."""
        own = dict(addresses)
        for server in SERVERS:
            port = ports.get(_port_name(server, account))
            if port is not None:
                own[server] = f"http://127.0.0.1:{port}" if server == "storage" else f"127.0.0.1:{port}"
        return own

    def database_users(self, secret: str) -> dict[str, DatabaseUser]:
        """A user for each account that has one; one that may not connect and log in cannot.

        Cloud SQL's users of this kind have no password, but a local server needs one.
        """
        logins = ("cloudsql.instances.connect", "cloudsql.instances.login")
        return {
            account: DatabaseUser(
                name=f"{account}@{self.project}.iam",
                password=hashlib.sha256(f"{secret}:{account}".encode()).hexdigest(),
                roles=tuple(roles),
                can_login=all(self.policy.allows(account, permission, PROJECT) for permission in logins),
            )
            for account, roles in self.access.database_users.items()
        }


def accounts_of(spec: StackSpec, state_dir: Path) -> Accounts | None:
    """The accounts that anything in the description runs as; None if it does not say who may do what."""
    if spec.access is None:
        return None
    used = {
        *(function.service_account for function in spec.functions),
        *(job.service_account for job in spec.jobs),
        *(command.service_account for command in spec.after_postgres),
    } - {""}
    names = tuple(sorted({*used, spec.access.storage_agent, spec.access.scheduler_agent, *spec.access.others}))
    return Accounts(spec.project, spec.access, names, state_dir / IAM_FILE)


def _port_name(server: str, account: str) -> str:
    return f"{server}@{account}"

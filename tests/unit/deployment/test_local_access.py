"""The strict local cloud runs as the accounts that Terraform makes, with the permissions that it grants."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from photofinish.errors import Misconfigured
from photofinish_cli.local_access import SECRETS, terraform_access
from photofinish_cli.local_deployment import local_deployment
from photofinish_cli.terraform_tables import TABLES, applied
from photofinish_emulators.common.state_dir import CannotServe
from photofinish_emulators.stack import StackSpec
from photofinish_emulators.stack.accounts import accounts_of
from support import terraform_config


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> StackSpec:
    return local_deployment(tmp_path_factory.mktemp("local-cloud"), strict_iam=True)


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    copy = tmp_path / "tables"
    shutil.copytree(TABLES, copy)
    return copy


def test_every_function_and_job_runs_as_an_account_of_its_own(strict: StackSpec) -> None:
    granted = applied()["grants"]
    accounts = [function.service_account for function in strict.functions]
    accounts += [job.service_account for job in strict.jobs if job.name != "migrate"]
    assert len(set(accounts)) == len(accounts)
    assert set(accounts) <= granted.keys()
    known = accounts_of(strict, Path())
    assert known is not None
    assert {"storage-agent", "scheduler-agent"} <= set(known.names) <= granted.keys()


def test_of_the_pushing_accounts_only_a_functions_own_may_invoke_it(strict: StackSpec) -> None:
    known = accounts_of(strict, Path())
    assert known is not None
    pushed = [subscription for subscription in strict.subscriptions if subscription.push_to is not None]
    assert len(pushed) > 5
    for subscription in pushed:
        assert subscription.push_to is not None
        invokers = known.invokers(subscription.push_to)
        pushers = [email for email in invokers if email.startswith("push-")]
        assert pushers == [known.policy.email(subscription.push_account)]


def test_functions_have_the_secrets_of_the_configuration(strict: StackSpec) -> None:
    assert strict.access is not None
    by_target = terraform_config.services()
    of_operators = {"PHOTOFINISH_LINK_KEY", "PHOTOFINISH_SMTP_PASSWORD"}
    for function in strict.functions:
        assert function.service_account is not None
        in_the_cloud = by_target[function.target].secret_env - of_operators
        assert set(function.secrets) == {SECRETS[variable] for variable in in_the_cloud}, function.name
        assert {variable for variable in SECRETS if variable in function.env} == in_the_cloud, function.name
        readable = {on for on in strict.access.grants[function.service_account] if on.startswith("secret/")}
        assert readable == {f"secret/{name}" for name in function.secrets}, function.name
    assert not [variable for variable in SECRETS if variable in strict.env]
    assert "PHOTOFINISH_AWS_KEY_SECRET" not in by_target["api"].secret_env


def test_the_database_has_the_users_and_the_connections_of_the_configuration(strict: StackSpec) -> None:
    assert strict.access is not None
    services = terraform_config.services().values()
    with_database = {f"fn-{service.name}" for service in services if "database" in service.uses}
    assert set(strict.access.database_users) == {*with_database, "job-analyze"}
    assert strict.postgres_max_connections == applied()["database"]["max_connections"] >= 100


def test_an_account_that_may_not_read_its_secret_does_not_start(strict: StackSpec) -> None:
    assert strict.access is not None
    grants = {account: dict(resources) for account, resources in strict.access.grants.items()}
    del grants["fn-api"]["secret/photofinish-token-secret"]
    accounts = accounts_of(replace(strict, access=replace(strict.access, grants=grants)), Path())
    assert accounts is not None
    with pytest.raises(CannotServe, match=r"Permission denied on secret: .* fn-api@photofinish-local"):
        accounts.check_secrets(strict.functions)


def test_an_account_that_may_not_connect_cannot_log_in(strict: StackSpec) -> None:
    assert strict.access is not None
    grants = {account: dict(resources) for account, resources in strict.access.grants.items()}
    grants["fn-expire"]["project"] = ["cloudsql.instances.connect"]  # and not cloudsql.instances.login
    accounts = accounts_of(replace(strict, access=replace(strict.access, grants=grants)), Path())
    assert accounts is not None
    users = accounts.database_users("secret")
    assert not users["fn-expire"].can_login
    assert users["fn-api"].can_login
    assert users["fn-api"].name == "fn-api@photofinish-local.iam"


def test_a_role_without_known_permissions_is_reported(tables: Path) -> None:
    content = json.loads((tables / "applied.json").read_text())
    content["grants"]["fn-api"]["project"].append("roles/storage.unheardOf")
    (tables / "applied.json").write_text(json.dumps(content))
    with pytest.raises(Misconfigured, match=r"roles/storage\.unheardOf is granted and missing there"):
        terraform_access(tables)


def test_a_missing_table_is_reported(tables: Path) -> None:
    (tables / "applied.json").unlink()
    with pytest.raises(Misconfigured, match="is missing"):
        terraform_access(tables)

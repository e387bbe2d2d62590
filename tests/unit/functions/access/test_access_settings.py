"""Access settings: defaults, and errors that do not repeat the value."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.domain.access import RateLimit
from photofinish.errors import Misconfigured
from photofinish.settings import (
    AccessSettings,
    RetentionSettings,
    SignedAccessSettings,
    all_settings,
    check_secrets_differ,
)
from support.access import AWS_KEY_SECRET, PEPPER, SECRETS, TOKEN_SECRET


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in SECRETS.items():
        monkeypatch.setenv(variable, value)


def test_rates_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTOFINISH_SEARCH_RATE", "2.5/7")
    settings = AccessSettings.from_env()
    assert settings.search_rate == RateLimit(per_second=2.5, burst=7)
    assert settings.firebase_project is None
    signed = SignedAccessSettings.from_env()
    assert not [value for value in SECRETS.values() if value in f"{settings!r} {signed} {signed.pepper!r}"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PHOTOFINISH_PEPPER", "short"),
        ("PHOTOFINISH_PEPPER", f"{PEPPER},short"),
        ("PHOTOFINISH_PEPPER", f"{PEPPER},"),
        ("PHOTOFINISH_PEPPER", f"{PEPPER},{PEPPER}"),
        ("PHOTOFINISH_TOKEN_SECRET", f"{TOKEN_SECRET},{TOKEN_SECRET[1:]},{TOKEN_SECRET[2:]}"),
        ("PHOTOFINISH_SEARCH_RATE", "20"),
        ("PHOTOFINISH_SEARCH_RATE", "0/5"),
        ("PHOTOFINISH_USER_RATE", "5/0"),
        ("PHOTOFINISH_FAILURE_RATE", "-1/5"),
        ("PHOTOFINISH_PROXY_HOPS", "-1"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(Misconfigured, match=variable) as error:
        SignedAccessSettings.from_env()
    assert variable not in SECRETS or not [part for part in value.split(",") if part and part in str(error.value)]


@pytest.mark.parametrize(
    ("variable", "value", "other"),
    [
        ("PHOTOFINISH_TOKEN_SECRET", PEPPER, "PHOTOFINISH_PEPPER"),
        ("PHOTOFINISH_PEPPER", f"{'n' * 32},{AWS_KEY_SECRET}", "PHOTOFINISH_AWS_KEY_SECRET"),
        ("PHOTOFINISH_WEBHOOK_KEY", f"{'n' * 32}, {PEPPER}", "PHOTOFINISH_PEPPER"),
        ("PHOTOFINISH_RECEIPT_KEY", TOKEN_SECRET, "PHOTOFINISH_TOKEN_SECRET"),
    ],
)
def test_no_secret_may_have_the_value_of_another(variable: str, value: str, other: str) -> None:
    environ = dict(SECRETS)
    check_secrets_differ(all_settings(), environ)
    with pytest.raises(Misconfigured, match="have a value in common") as error:
        check_secrets_differ(all_settings(), environ | {variable: value})
    assert variable in str(error.value)
    assert other in str(error.value)
    assert value not in str(error.value)


def test_every_secret_is_required_and_all_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in SECRETS:
        monkeypatch.delenv(variable)
    with pytest.raises(Misconfigured) as error:
        SignedAccessSettings.from_env()
    of_access = {field.validation_alias for field in SignedAccessSettings.model_fields.values()} & SECRETS.keys()
    assert len(of_access) == 3
    assert not [variable for variable in of_access if f"{variable}: is not set" not in str(error.value)]


def test_what_admits_no_signed_requests_needs_no_secret_of_aws_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PHOTOFINISH_AWS_KEY_SECRET")
    assert "aws" not in repr(AccessSettings.from_env())


def test_a_secret_may_have_two_values_of_which_the_first_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTOFINISH_PEPPER", f"{'n' * 32}, {PEPPER}\n")
    pepper = AccessSettings.from_env().pepper
    assert (pepper.current, pepper.accepted) == (b"n" * 32, (b"n" * 32, PEPPER.encode()))


def test_audit_retention_is_at_least_one_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTOFINISH_AUDIT_RETENTION_DAYS", "0")
    with pytest.raises(Misconfigured, match="AUDIT_RETENTION_DAYS"):
        RetentionSettings.from_env()


@given(st.decimals("0.001", 10**8, places=3), st.integers(1, 10**9))
def test_a_rate_survives_formatting_and_parsing(per_second: Decimal, burst: int) -> None:
    rate = RateLimit(per_second=float(per_second), burst=burst)
    assert RateLimit.parse(str(rate)) == rate

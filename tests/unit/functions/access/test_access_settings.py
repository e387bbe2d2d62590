"""Access settings: defaults, and errors that do not repeat the value."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.domain.access import RateLimit
from photofinish.errors import Misconfigured
from photofinish.settings import AccessSettings, RetentionSettings
from support.access import KEY_SECRET


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTOFINISH_KEY_SECRET", KEY_SECRET)


def test_rates_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTOFINISH_SEARCH_RATE", "2.5/7")
    settings = AccessSettings.from_env()
    assert settings.search_rate == RateLimit(per_second=2.5, burst=7)
    assert settings.firebase_project is None
    assert KEY_SECRET not in repr(settings)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PHOTOFINISH_KEY_SECRET", "short"),
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
        AccessSettings.from_env()
    assert variable != "PHOTOFINISH_KEY_SECRET" or value not in str(error.value)


def test_a_key_secret_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PHOTOFINISH_KEY_SECRET")
    with pytest.raises(Misconfigured, match="PHOTOFINISH_KEY_SECRET: is not set"):
        AccessSettings.from_env()


def test_audit_retention_is_at_least_one_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTOFINISH_AUDIT_RETENTION_DAYS", "0")
    with pytest.raises(Misconfigured, match="AUDIT_RETENTION_DAYS"):
        RetentionSettings.from_env()


@given(st.decimals("0.001", 10**8, places=3), st.integers(1, 10**9))
def test_a_rate_survives_formatting_and_parsing(per_second: Decimal, burst: int) -> None:
    rate = RateLimit(per_second=float(per_second), burst=burst)
    assert RateLimit.parse(str(rate)) == rate

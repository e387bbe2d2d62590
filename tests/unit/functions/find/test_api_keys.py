"""Only who holds a key may search."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import Headers

from photofinish.errors import Misconfigured
from photofinish_functions.api_keys import ApiKeys, presented_key


def sha256(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def test_several_keys_are_accepted_and_no_other() -> None:
    keys = ApiKeys.from_setting(f" {sha256('one').upper()} ,{sha256('two')},")
    assert [keys.accept(key) for key in ("one", "two", "three", "", sha256("one"), "one ", "ONE")] == [
        True,
        True,
        *[False] * 5,
    ]


@given(st.text())
def test_any_text_is_judged(key: str) -> None:
    assert ApiKeys.from_setting(sha256("right")).accept(key) == (key == "right")


@pytest.mark.parametrize("setting", ["", " , ", "my-key", sha256("one")[:-1], f"{sha256('one')},secret"])
def test_there_is_no_open_mode(setting: str) -> None:
    with pytest.raises(Misconfigured, match="PHOTOFINISH_API_KEY_SHA256S") as raised:
        ApiKeys.from_setting(setting)
    assert "secret" not in str(raised.value)
    assert "my-key" not in str(raised.value)


def test_hashes_are_not_shown() -> None:
    assert sha256("one") not in repr(ApiKeys.from_setting(sha256("one")))


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({}, None),
        ({"Authorization": "Bearer one"}, "one"),
        ({"authorization": "bearer  one "}, "one"),
        ({"X-Api-Key": "one"}, "one"),
        ({"X-Api-Key": " "}, None),
        ({"Authorization": "Bearer "}, None),
        ({"Authorization": "Bearer"}, None),
        ({"Authorization": "Basic b25l"}, None),
        ({"Authorization": "Bearer one", "X-Api-Key": "two"}, "one"),
        ({"Authorization": "Basic b25l", "X-Api-Key": "two"}, "two"),
    ],
)
def test_where_a_key_may_stand(headers: dict[str, str], key: str | None) -> None:
    assert presented_key(Headers(headers)) == key

"""Which pages may use the server."""

from __future__ import annotations

import pytest

from photofinish_emulators.common.local_pages import LocalPages


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:5173",
        "https://localhost",
        "http://127.0.0.1:3000",
        "http://127.1.2.3",
        "http://[::1]:8080",
        "http://app.localhost:3000",
        "capacitor://localhost",
        "localhost:8080",
        "127.0.0.1:8080",
        "LOCALHOST",
        "[::1]:8080",
        "here.example",
    ],
)
def test_local(url: str) -> None:
    pages = LocalPages("here.example")
    assert pages.accepts(url)
    assert pages.is_local(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "null",
        "http://evil.example",
        "http://localhost.evil.example",
        "http://evil.example/localhost",
        "http://localhost@evil.example",
        "http://127.0.0.1.evil.example",
        "http://192.168.1.5:3000",
        "http://0.0.0.0",
        "evil.example:8080",
        "http://[::1",
        "file://",
    ],
)
def test_not_local(url: str) -> None:
    assert not LocalPages("127.0.0.1").accepts(url)


@pytest.mark.parametrize("origin", ["https://app.example", "http://dev.example:3000", "http://dev.example"])
def test_chosen_origins(origin: str) -> None:
    pages = LocalPages("127.0.0.1", ["https://app.example", "http://dev.example:*"])
    assert pages.accepts(origin)
    assert not pages.is_local(origin), "their names cannot be the server's (DNS rebinding)"


@pytest.mark.parametrize(
    "origin", ["http://app.example", "https://app.example:8443", "https://dev.example:3000", "http://dev.example.org:1"]
)
def test_origins_that_only_look_like_chosen_ones(origin: str) -> None:
    assert not LocalPages("127.0.0.1", ["https://app.example", "http://dev.example:*"]).accepts(origin)

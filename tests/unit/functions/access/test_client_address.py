"""The network address by which failed authentications are counted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish_functions.access.failures import client_network
from support.access import http_request


@pytest.mark.parametrize(
    ("proxy_hops", "forwarded_for", "network"),
    [
        # No proxy of ours appends to it, so the client wrote all of it.
        (0, "198.51.100.7", "192.0.2.1"),
        (1, "198.51.100.7", "198.51.100.7"),
        (1, "203.0.113.9, 198.51.100.7", "198.51.100.7"),
        (2, "203.0.113.9, 198.51.100.7, 34.1.2.3", "198.51.100.7"),
        # Fewer entries than our proxies write: the request did not pass through them.
        (2, "198.51.100.7", "192.0.2.1"),
        (1, "", "unknown"),
        (1, "nonsense", "unknown"),
        (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        (1, "2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
        (1, "::ffff:198.51.100.7", "198.51.100.7"),
    ],
)
def test_the_client_address_is_the_one_our_outermost_proxy_saw(
    proxy_hops: int, forwarded_for: str, network: str
) -> None:
    with http_request(headers={"X-Forwarded-For": forwarded_for}) as request:
        assert client_network(request, proxy_hops) == network


@given(st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=100), st.integers(0, 3))
def test_a_caller_cannot_forge_its_address(text: str, proxy_hops: int) -> None:
    """What precedes the entries of our proxies changes nothing."""
    seen = ["198.51.100.7", "34.1.2.3", "34.1.2.4"][:proxy_hops]
    with http_request(headers={"X-Forwarded-For": ", ".join([text, *seen])}) as request:
        assert client_network(request, proxy_hops) == (seen[0] if seen else "192.0.2.1")

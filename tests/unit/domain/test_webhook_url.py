"""Which URLs and addresses events may be sent to."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photofinish.domain.webhook_url import is_public, parse_webhook_url
from photofinish.errors import RejectedInput


def test_a_url_in_its_parts() -> None:
    url = parse_webhook_url("https://Hooks.Example.org/a/b?c=d", allow_loopback=False)
    assert (url.scheme, url.host, url.port, url.target) == ("https", "hooks.example.org", 443, "/a/b?c=d")
    assert (url.authority, url.is_loopback) == ("hooks.example.org", False)
    assert parse_webhook_url("https://example.org:443", allow_loopback=False).target == "/"
    assert parse_webhook_url("https://[2606:4700::1]/", allow_loopback=False).authority == "[2606:4700::1]"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "visible"),
        ("https://example.org/" + "a" * 2000, "visible"),
        ("https://exämple.org/", "visible"),
        ("https://example.org/a b", "must have .* percent-encode"),
        ("https://example.org/\r\nX-Evil:1", "visible"),
        ("https://example.org\\@127.0.0.1/", "visible"),
        ("http://example.org/", "https"),
        ("ftp://example.org/", "https"),
        ("//example.org/", "https"),
        ("file:///etc/passwd", "https"),
        ("https://user:password@example.org/", "user name"),
        ("https://user@example.org/", "user name"),
        ("https://@example.org/", "user name"),
        ("https://example.org/#a", "fragment"),
        ("https://example.org:8443/", "port"),
        ("https://example.org:0/", "port"),
        ("https://example.org:99999/", "read"),
        ("https://[::1/", "read"),
        ("https:///path", "host"),
        ("https://-a.example/", "host"),
        ("https://a..b/", "host"),
        ("https://127.0.0.1/", "public"),
        ("https://[::1]/", "public"),
        ("https://[::ffff:10.0.0.1]/", "public"),
        ("https://169.254.169.254/computeMetadata/v1/", "public"),
        ("https://127.1/", "usual form"),
        ("https://2130706433/", "usual form"),
        ("https://0x7f000001/", "usual form"),
        ("https://0177.0.0.1/", "usual form"),
        ("https://localhost/", "private network"),
        ("https://metadata.google.internal/", "private network"),
        ("https://metadata.google.internal./", "private network"),
        ("https://printer.local/", "private network"),
        ("https://intranet/", "private network"),
        ("http://localhost:8080/", "https"),
    ],
)
def test_urls_that_are_refused(url: str, reason: str) -> None:
    with pytest.raises(RejectedInput, match=reason) as refused:
        parse_webhook_url(url, allow_loopback=False)
    assert refused.value.code == "url_not_allowed"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_this_machine_is_allowed_by_a_setting_only(host: str) -> None:
    url = parse_webhook_url(f"http://{host}:8080/hook", allow_loopback=True)
    assert (url.port, url.is_loopback) == (8080, True)
    for other in (f"https://{host}:8080/", "http://example.org:8080/", "http://10.0.0.1:8080/"):
        with pytest.raises(RejectedInput):
            parse_webhook_url(other, allow_loopback=True)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",  # carrier-grade NAT
        "127.0.0.53",
        "168.63.129.16",
        "169.254.169.254",  # metadata servers
        "172.16.0.1",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "2001:0:1::1",
        "2001:db8::1",
        "2002:a00:1::1",
        "fc00::1",
        "fd00:ec2::254",  # metadata server of AWS
        "fe80::1",
        "fe80::1%eth0",
        "2606:4700::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808", "2002:808:808::1"]
)
def test_public_addresses(address: str) -> None:
    assert is_public(ip_address(address))


@given(st.ip_addresses(v=4))
def test_an_ipv6_address_that_stands_for_an_ipv4_address_is_judged_as_that(address: IPv4Address) -> None:
    for prefix in ("::ffff:0:0", "64:ff9b::"):
        assert is_public(IPv6Address(int(IPv6Address(prefix)) + int(address))) == is_public(address)
    assert is_public(IPv6Address(0x2002 << 112 | int(address) << 80)) == is_public(address)

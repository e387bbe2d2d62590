"""Requests to webhooks go to checked public addresses, over real connections, and end in time."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from photofinish.adapters.internet import webhook_sender
from photofinish.adapters.internet.webhook_sender import MAX_ANSWER_BYTES, PinnedSender
from photofinish.domain.webhook import AttemptError
from photofinish.domain.webhook_url import WebhookUrl, parse_webhook_url
from photofinish.ports import NotSent
from support.webhook_receiver import HOST, PUBLIC, Connections, Receiver, certificate, receiver, respond

URL = parse_webhook_url(f"https://{HOST}/hook?a=b", allow_loopback=False)
HEADERS = {"webhook-id": "msg_1", "Content-Type": "application/json"}


class Resolver:
    """Answers one list of addresses after the other; the last one stays."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, _port: int) -> Sequence[str]:
        self.asked.append(host)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@pytest.fixture
def local() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def of(made: Receiver, path: str = "/hook") -> WebhookUrl:
    return parse_webhook_url(f"http://localhost:{made.port}{path}", allow_loopback=True)


def reason(send: Callable[[], object]) -> AttemptError:
    with pytest.raises(NotSent) as failure:
        send()
    return failure.value.error


def test_a_request_over_tls_goes_to_the_checked_address_under_its_name(tmp_path: Path) -> None:
    server, trusts = certificate(tmp_path)
    with receiver(server) as made:
        made.respond = respond(200, b"thanks")
        connections = Connections(made.port)
        sender = PinnedSender(resolve=Resolver([PUBLIC]), connect=connections, tls=trusts)
        answer = sender.post(URL, HEADERS, b'{"a": 1}')
    assert (answer.status, answer.start) == (200, b"thanks")
    [request] = made.received
    assert (request.path, request.body) == ("/hook?a=b", b'{"a": 1}')
    assert (request.headers["host"], request.headers["webhook-id"]) == (HOST, "msg_1")
    assert connections.addresses == [PUBLIC]


def test_the_certificate_must_be_that_of_the_host(tmp_path: Path) -> None:
    server, trusts = certificate(tmp_path, "other.example.org")
    with receiver(server) as made:
        for tls in (trusts, None):  # another name, and an unknown authority
            sender = PinnedSender(resolve=Resolver([PUBLIC]), connect=Connections(made.port), tls=tls)
            assert reason(lambda sender=sender: sender.post(URL, HEADERS, b"")) is AttemptError.TLS_FAILED
        assert made.received == []


def test_dns_rebinding_reaches_no_private_address(tmp_path: Path) -> None:
    """The name is public when it is checked, and leads to this machine when it is resolved again."""
    server, trusts = certificate(tmp_path)
    resolver = Resolver([PUBLIC], ["127.0.0.1"])
    with receiver(server) as made:
        connections = Connections(made.port)
        sender = PinnedSender(resolve=resolver, connect=connections, tls=trusts)
        assert sender.post(URL, HEADERS, b"").status == 204
        assert (resolver.asked, connections.addresses) == ([HOST], [PUBLIC]), "asked once, connected to that answer"
        assert reason(lambda: sender.post(URL, HEADERS, b"")) is AttemptError.ADDRESS_NOT_ALLOWED
        assert connections.addresses == [PUBLIC], "checked at every attempt"
        assert len(made.received) == 1


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "::1",
        "fd00::1",
        "fe80::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "not an address",
    ],
)
def test_names_of_private_networks_are_refused(address: str) -> None:
    connections = Connections(0)
    for answers in ([address], [PUBLIC, address]):
        sender = PinnedSender(resolve=Resolver(answers), connect=connections)
        assert reason(lambda sender=sender: sender.post(URL, HEADERS, b"")) is AttemptError.ADDRESS_NOT_ALLOWED
    assert connections.addresses == []


def test_a_url_of_this_machine_must_lead_to_this_machine() -> None:
    url = parse_webhook_url("http://localhost:80/", allow_loopback=True)
    for address in (PUBLIC, "10.0.0.1"):
        sender = PinnedSender(resolve=Resolver([address]), connect=Connections(0))
        assert reason(lambda sender=sender: sender.post(url, HEADERS, b"")) is AttemptError.ADDRESS_NOT_ALLOWED


def test_redirects_are_not_followed(local: Receiver) -> None:
    local.respond = respond(302, headers={"Location": "/elsewhere"})
    assert PinnedSender().post(of(local), HEADERS, b"").status == 302
    assert [request.path for request in local.received] == ["/hook"]


def test_proxies_of_the_environment_are_not_used(local: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    assert PinnedSender().post(of(local), HEADERS, b"").status == 204


def test_answers_are_read_up_to_a_limit(local: Receiver) -> None:
    local.respond = respond(200, b"x" * (MAX_ANSWER_BYTES * 4))
    answer = PinnedSender().post(of(local), HEADERS, b"")
    assert (answer.status, len(answer.start)) == (200, MAX_ANSWER_BYTES)


@pytest.mark.parametrize("part", ["nothing", "status", "headers"])
def test_an_answer_that_drips_ends_in_time(local: Receiver, part: str) -> None:
    drops: list[int] = []

    def drip(handler: BaseHTTPRequestHandler) -> None:
        start = {"nothing": b"", "status": b"HTTP/1.1 ", "headers": b"HTTP/1.1 200 OK\r\nX-"}[part]
        handler.wfile.write(start)
        for number in range(500):
            drops.append(number)
            if part != "nothing":
                handler.wfile.write(b"a")
            time.sleep(0.02)

    local.respond = drip
    assert reason(lambda: PinnedSender(timeout_s=0.3).post(of(local), HEADERS, b"")) is AttemptError.TIMEOUT
    assert len(drops) < 500, "it was waited for to the end"


def test_a_body_that_drips_ends_in_time_and_the_status_counts(local: Receiver) -> None:
    drops: list[int] = []

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
        for number in range(500):
            drops.append(number)
            handler.wfile.write(b"a")
            time.sleep(0.02)

    local.respond = drip
    assert PinnedSender(timeout_s=0.3).post(of(local), HEADERS, b"").status == 200
    assert len(drops) < 500, "it was waited for to the end"


def test_a_tls_handshake_that_does_not_go_on_ends_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        connections = Connections(silent.getsockname()[1])
        sender = PinnedSender(timeout_s=0.3, resolve=Resolver([PUBLIC]), connect=connections)
        assert reason(lambda: sender.post(URL, HEADERS, b"")) is AttemptError.TIMEOUT


def test_what_is_not_http(local: Receiver) -> None:
    local.respond = lambda handler: handler.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n") and None
    assert reason(lambda: PinnedSender().post(of(local), HEADERS, b"")) is AttemptError.BAD_ANSWER


def test_hosts_that_do_not_answer_and_the_next_address(local: Receiver) -> None:
    def connect(address: tuple[str, int], timeout_s: float) -> socket.socket:
        port = local.port if address[0] == "127.0.0.1" else 1
        return socket.create_connection(("127.0.0.1", port), timeout_s)

    both = PinnedSender(resolve=Resolver(["::1", "127.0.0.1"]), connect=connect)
    assert both.post(of(local), HEADERS, b"").status == 204
    one = PinnedSender(resolve=Resolver(["::1"]), connect=connect)
    assert reason(lambda: one.post(of(local), HEADERS, b"")) is AttemptError.CONNECTION_FAILED


def test_unknown_hosts() -> None:
    def unknown(_host: str, _port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    for resolve in (unknown, Resolver([])):
        assert reason(lambda r=resolve: PinnedSender(resolve=r).post(URL, HEADERS, b"")) is AttemptError.UNKNOWN_HOST
    assert set(webhook_sender.resolve("localhost", 80)) <= {"127.0.0.1", "::1"}

"""A real mail server (aiosmtpd) that takes mail over TLS only, from a known user."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from support.ports import free_port

USER, PASSWORD = "photofinish", "of-the-mail-server"


@dataclass
class MailServer:
    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    is_implicit: bool = False
    refusals: dict[str, str] = field(default_factory=dict)
    """Address → answer of the server to it."""
    holds: bool = False
    """Whether senders wait for the answer to an address, for ever."""
    held: threading.Event = field(default_factory=threading.Event)
    """One waits."""

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.holds:
            self.held.set()
            await asyncio.get_running_loop().create_future()  # until the sender hangs up
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:
        assert self.is_implicit or session.ssl is not None, "a message came without TLS"
        content = envelope.content
        assert isinstance(content, bytes)
        self.mails.append(message_from_bytes(content, policy=policy.default))  # type: ignore[arg-type]
        self.recipients += envelope.rcpt_tos
        return "250 OK"


def _authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: Any) -> AuthResult:
    return AuthResult(success=(given.login, given.password) == (USER.encode(), PASSWORD.encode()))


@contextmanager
def mail_server(tls: ssl.SSLContext, *, implicit: bool = False, port: int | None = None) -> Iterator[MailServer]:
    """With STARTTLS, or with TLS from the start (`implicit`); on a free port, or one of `free_port`."""
    made = MailServer()
    options: dict[str, Any] = {"authenticator": _authenticate, "auth_required": True}
    if implicit:
        # aiosmtpd knows of TLS from the start only that it is there.
        options |= {"ssl_context": tls, "auth_require_tls": False}
    else:
        options |= {"tls_context": tls, "require_starttls": True}
    made.port, made.is_implicit = port or free_port(), implicit
    controller = Controller(made, hostname="127.0.0.1", port=made.port, **options)
    controller.start()
    try:
        yield made
    finally:
        controller.stop()

"""Notifications by e-mail, through the operator's mail server (SMTP with TLS)."""

from __future__ import annotations

import logging
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Literal

from photofinish.domain.subscription import Outcome
from photofinish.logs import fields
from photofinish.ports import Notification

log = logging.getLogger(__name__)
TIMEOUT_S = 20.0
"""Of a message, and as long again for connecting at most: its lease lasts longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """How the mail server is reached. Neither a message nor a password is ever sent without TLS."""

    host: str
    port: int
    security: Literal["starttls", "tls"]
    sender: str
    """Address in `From`."""
    user: str | None = None
    password: str | None = field(default=None, repr=False)


class SmtpChannel:
    """:class:`photofinish.ports.NotificationChannel`; each message has a connection, so threads may share it."""

    def __init__(self, server: MailServer, *, timeout_s: float = TIMEOUT_S, tls: ssl.SSLContext | None = None) -> None:
        self._server = server
        self._timeout_s = timeout_s
        self._tls = tls or ssl.create_default_context()

    def send(self, address: str, message: Notification) -> Outcome:
        mail = mail_of(message, sender=self._server.sender, to=address)
        try:
            with self._connected() as smtp:
                smtp.send_message(mail, from_addr=parseaddr(self._server.sender)[1], to_addrs=[address])
        except smtplib.SMTPRecipientsRefused as refused:
            [(code, _)] = refused.recipients.values()
            log.info("an address was refused", extra=fields(code=code))
            return Outcome.GONE if 500 <= code < 600 else Outcome.FAILED
        except (smtplib.SMTPException, OSError) as error:
            # Not the error's text: it may have the address.
            answered = error.smtp_code if isinstance(error, smtplib.SMTPResponseException) else None
            log.warning("a message was not sent", extra=fields(error=type(error).__name__, code=answered))
            return Outcome.FAILED
        return Outcome.DELIVERED

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        server = self._server
        if server.security == "tls":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=self._timeout_s / 2, context=self._tls
            )
        else:
            smtp = smtplib.SMTP(server.host, server.port, timeout=self._timeout_s / 2)
        # A timeout of the socket is that of one read alone.
        deadline = threading.Timer(self._timeout_s, _shut_down, [smtp])
        deadline.daemon = True
        deadline.start()
        try:
            if server.security == "starttls":
                smtp.starttls(context=self._tls)
            if server.user and server.password:
                smtp.login(server.user, server.password)
            yield smtp
            with suppress(smtplib.SMTPException, OSError):
                smtp.quit()  # the message is accepted already
        finally:
            deadline.cancel()
            smtp.close()


def _shut_down(smtp: smtplib.SMTP) -> None:
    if smtp.sock is not None:
        with suppress(OSError):
            # Not SSLSocket's own, which is not made for another thread.
            socket.socket.shutdown(smtp.sock, socket.SHUT_RDWR)


def mail_of(message: Notification, *, sender: str, to: str) -> EmailMessage:
    """Return the message as an e-mail.

    The headers `List-Unsubscribe` are those of one-click unsubscription (RFC 8058): mail programs show a button. A
    message that asks for a confirmation has none, because nothing is subscribed yet.
    """
    mail = EmailMessage()
    mail["Subject"] = message.subject
    mail["From"] = sender
    mail["To"] = to
    mail["Date"] = format_datetime(message.at)
    # The same at every attempt, so that mail programs show a message once that came twice.
    mail["Message-ID"] = f"<{message.message_id}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["Content-Language"] = message.language.value
    lines = [message.text, "", message.link]
    if message.photo_ids:
        mail["List-Unsubscribe"] = f"<{message.end_link}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        lines += ["", f"{message.end_text} {message.end_link}"]
    mail.set_content("\n".join([message.subject + ".", "", *lines, ""]))
    return mail

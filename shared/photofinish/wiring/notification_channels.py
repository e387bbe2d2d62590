"""The channels by which subscribers are told, as the settings name them."""

from __future__ import annotations

from photofinish.domain.subscription import Channel
from photofinish.ports import Channels, NotificationChannel
from photofinish.settings import NotifyingSettings, WebhookSettings


def notification_channels(settings: NotifyingSettings, webhooks: WebhookSettings, *, project: str) -> Channels:
    """Make those that are on, and no others."""
    made: dict[Channel, NotificationChannel] = {}
    for channel in map(Channel, settings.channels):
        match channel:
            case Channel.EMAIL:
                made[channel] = _mail(settings)
            case Channel.FCM:
                made[channel] = _fcm(settings, project)
            case Channel.WEBHOOK:
                made[channel] = _webhook(webhooks)
    return made


def _mail(settings: NotifyingSettings) -> NotificationChannel:
    from photofinish.adapters.internet.mail_sender import MailServer, SmtpChannel

    assert settings.smtp_host is not None, "the settings are complete"
    assert settings.mail_from is not None, "the settings are complete"
    password = settings.smtp_password
    return SmtpChannel(
        MailServer(
            host=settings.smtp_host,
            port=settings.smtp_port,
            security=settings.smtp_security,
            sender=settings.mail_from,
            user=settings.smtp_user,
            password=None if password is None else password.get_secret_value(),
        )
    )


def _fcm(settings: NotifyingSettings, project: str) -> NotificationChannel:
    from photofinish.adapters.google.fcm_channel import FcmChannel, default_fcm_credentials

    return FcmChannel(default_fcm_credentials(), settings.fcm_project or project, url=settings.fcm_url)


def _webhook(webhooks: WebhookSettings) -> NotificationChannel:
    from photofinish.adapters.internet.webhook_sender import PinnedSender
    from photofinish.application.notifying.webhook_channel import WebhookChannel

    return WebhookChannel(PinnedSender(), webhooks.webhook_key, allow_loopback=webhooks.webhook_loopback)

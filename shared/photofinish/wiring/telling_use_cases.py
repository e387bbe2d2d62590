"""What is told of albums: webhooks, notifications, statistics."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from photofinish.domain.prices import Processor, price_file
from photofinish.settings import AdmissionSettings, NotificationSettings, NotifyingSettings, WebhookSettings
from photofinish.wiring.adapters import Adapters

if TYPE_CHECKING:
    from photofinish.application.album_budgets import AlbumBudgets, HaltedReading
    from photofinish.application.album_costs import AlbumCosts
    from photofinish.application.album_statistics import StatisticsCounting, StatisticsReading
    from photofinish.application.notifying.relaying import NotificationRelay
    from photofinish.application.notifying.sending import Notifier
    from photofinish.application.webhooks.delivering import WebhookDeliverer
    from photofinish.application.webhooks.relaying import WebhookRelay
    from photofinish.ports import Channels


class TellingUseCases(Adapters):
    @cached_property
    def webhook_relay(self) -> WebhookRelay:
        from photofinish.application.webhooks.relaying import WebhookRelay

        return WebhookRelay(self.event_log, self.webhooks, self.webhook_deliveries, self.webhook_messages)

    @cached_property
    def webhook_deliverer(self) -> WebhookDeliverer:
        from photofinish.adapters.internet.webhook_sender import PinnedSender
        from photofinish.application.webhooks.delivering import WebhookDeliverer

        return WebhookDeliverer(
            self.webhook_deliveries,
            PinnedSender(),
            self.webhook_messages,
            self.webhook_settings.webhook_key,
            allow_loopback=self.webhook_settings.webhook_loopback,
        )

    @cached_property
    def notification_relay(self) -> NotificationRelay:
        from photofinish.application.notifying.relaying import NotificationRelay

        return NotificationRelay(self.notifications, self.webhook_messages)

    @cached_property
    def notifier(self) -> Notifier:
        from photofinish.application.notifying.sending import Notifier

        return Notifier(
            self.notifications,
            lambda: self.notification_channels,
            self.webhook_messages,
            self.webhook_settings.webhook_key,
            public_url=self.notifying_settings.public_url or "",
        )

    @cached_property
    def notification_channels(self) -> Channels:
        from photofinish.wiring.notification_channels import notification_channels

        return notification_channels(self.notifying_settings, self.webhook_settings, project=self.settings.project)

    @cached_property
    def statistics_reading(self) -> StatisticsReading:
        from photofinish.application.album_statistics import StatisticsReading

        return StatisticsReading(self.statistics, self.event_log)

    @cached_property
    def statistics_counting(self) -> StatisticsCounting:
        from photofinish.application.album_statistics import StatisticsCounting

        return StatisticsCounting(self.statistics)

    @cached_property
    def album_costs(self) -> AlbumCosts:
        from photofinish.application.album_costs import AlbumCosts

        return AlbumCosts(
            self.task_times,
            self.statistics_reading,
            self.documents,
            processor=self._next_processor,
            prices=price_file(),
        )

    @cached_property
    def album_budgets(self) -> AlbumBudgets:
        from photofinish.application.album_budgets import AlbumBudgets

        return AlbumBudgets(self.budgets, self.halted_albums, lambda album: self.album_costs.read(album).cost.usd)

    @cached_property
    def halted_reading(self) -> HaltedReading:
        from photofinish.application.album_budgets import HaltedReading

        return HaltedReading(self.halted_albums)

    def _next_processor(self) -> Processor:
        """What the next task will run on."""
        match self.settings.processor:
            case "cpu":
                return Processor.CPU
            case "auto" if self.gpu_states.read().refusal is not None:
                return Processor.CPU
        return Processor.L4

    @cached_property
    def notifying_settings(self) -> NotifyingSettings:
        return NotifyingSettings.from_env()

    @cached_property
    def notification_settings(self) -> NotificationSettings:
        """Those of what makes subscriptions."""
        return NotificationSettings.from_env()

    @cached_property
    def webhook_settings(self) -> WebhookSettings:
        return WebhookSettings.from_env()

    @cached_property
    def admission_settings(self) -> AdmissionSettings:
        """Those of the function that only admits callers."""
        return AdmissionSettings.from_env()

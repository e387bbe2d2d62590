"""Webhooks of an album."""

from __future__ import annotations

from typing import Any

from flask_openapi3.blueprint import APIBlueprint

from photofinish.domain.access import Scope
from photofinish.wiring import App
from photofinish_functions.api import webhooks
from photofinish_functions.api.error_codes import fails_with
from photofinish_functions.api.guarding import guarded
from photofinish_functions.api.schemas import AlbumPath, new_blueprint
from photofinish_functions.api.webhook_models import (
    AlbumDeliveryPath,
    AlbumSecretPath,
    AlbumWebhookPath,
    DeliveriesAnswer,
    DeliveriesQuery,
    DeliveryDetails,
    DeliveryJson,
    NewSecret,
    Replayed,
    ReplayInput,
    WebhookChangeInput,
    WebhookInput,
    WebhookJson,
    WebhooksAnswer,
)


def blueprint(services: App) -> APIBlueprint:
    api = new_blueprint("webhooks", "Send events to your servers, signed and repeated until they arrive.")

    @api.get("/albums/<album>/webhooks", responses={200: WebhooksAnswer})
    @guarded(Scope.ADMIN, "list_webhooks")
    def list_webhooks(path: AlbumPath) -> dict[str, Any]:
        """List webhooks, oldest first, without their secrets."""
        return webhooks.list_all(services, path.album)

    @api.post("/albums/<album>/webhooks", responses={201: NewSecret})
    @guarded(Scope.ADMIN, "add_webhook")
    @fails_with("too_many_webhooks", "url_not_allowed")
    def add_webhook(path: AlbumPath, body: WebhookInput) -> tuple[dict[str, Any], int]:
        """Add a webhook. Its secret is in this answer and in no other."""
        return webhooks.add(services, path.album, body)

    @api.get("/albums/<album>/webhooks/<webhook_id>", responses={200: WebhookJson})
    @guarded(Scope.ADMIN, "show_webhook")
    def show_webhook(path: AlbumWebhookPath) -> dict[str, Any]:
        """Show a webhook, and whether it fails."""
        return webhooks.show(services, path.album, path.webhook_id)

    @api.patch("/albums/<album>/webhooks/<webhook_id>", responses={200: WebhookJson})
    @guarded(Scope.ADMIN, "change_webhook")
    @fails_with("url_not_allowed")
    def change_webhook(path: AlbumWebhookPath, body: WebhookChangeInput) -> dict[str, Any]:
        """Change a webhook, disable it, or enable it again."""
        return webhooks.change(services, path.album, path.webhook_id, body)

    @api.delete("/albums/<album>/webhooks/<webhook_id>", responses={204: None})
    @guarded(Scope.ADMIN, "remove_webhook")
    def remove_webhook(path: AlbumWebhookPath) -> tuple[str, int]:
        """Remove a webhook with its deliveries."""
        return webhooks.remove(services, path.album, path.webhook_id)

    @api.post("/albums/<album>/webhooks/<webhook_id>/secrets", responses={201: NewSecret})
    @guarded(Scope.ADMIN, "add_webhook_secret")
    @fails_with("too_many_secrets")
    def add_webhook_secret(path: AlbumWebhookPath) -> tuple[dict[str, Any], int]:
        """Add a second secret: until one is removed, messages are signed with both."""
        return webhooks.add_secret(services, path.album, path.webhook_id)

    @api.delete("/albums/<album>/webhooks/<webhook_id>/secrets/<secret_id>", responses={204: None})
    @guarded(Scope.ADMIN, "remove_webhook_secret")
    @fails_with("last_secret")
    def remove_webhook_secret(path: AlbumSecretPath) -> tuple[str, int]:
        """Remove a secret; one stays."""
        return webhooks.remove_secret(services, path.album, path.webhook_id, path.secret_id)

    @api.post("/albums/<album>/webhooks/<webhook_id>/test", responses={202: DeliveryJson})
    @guarded(Scope.ADMIN, "test_webhook")
    def test_webhook(path: AlbumWebhookPath) -> tuple[dict[str, Any], int]:
        """Send a test event, also to a webhook that is disabled; its delivery tells what came back."""
        return webhooks.test(services, path.album, path.webhook_id)

    @api.get("/albums/<album>/webhooks/<webhook_id>/deliveries", responses={200: DeliveriesAnswer})
    @guarded(Scope.ADMIN, "list_webhook_deliveries")
    def list_webhook_deliveries(path: AlbumWebhookPath, query: DeliveriesQuery) -> dict[str, Any]:
        """List deliveries, newest first."""
        return webhooks.list_deliveries(services, path.album, path.webhook_id, query)

    @api.get("/albums/<album>/webhooks/<webhook_id>/deliveries/<delivery_id>", responses={200: DeliveryDetails})
    @guarded(Scope.ADMIN, "show_webhook_delivery")
    def show_webhook_delivery(path: AlbumDeliveryPath) -> dict[str, Any]:
        """Show a delivery: what is sent, and every attempt with its answer and timing."""
        return webhooks.show_delivery(services, path.album, path.webhook_id, path.delivery_id)

    @api.post("/albums/<album>/webhooks/<webhook_id>/deliveries/<delivery_id>/replay", responses={202: DeliveryJson})
    @guarded(Scope.ADMIN, "replay_webhook_delivery")
    def replay_webhook_delivery(path: AlbumDeliveryPath) -> tuple[dict[str, Any], int]:
        """Deliver again, with the same `webhook-id`."""
        return webhooks.replay_delivery(services, path.album, path.webhook_id, path.delivery_id)

    @api.post("/albums/<album>/webhooks/<webhook_id>/replay", responses={202: Replayed})
    @guarded(Scope.ADMIN, "replay_webhook")
    @fails_with("invalid_query")
    def replay_webhook(path: AlbumWebhookPath, body: ReplayInput) -> tuple[dict[str, Any], int]:
        """Deliver a range of events again, or for the first time. Answers in pages of 1,000 events."""
        return webhooks.replay_range(services, path.album, path.webhook_id, body)

    return api

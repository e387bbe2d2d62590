"""Webhooks for events of all albums; for keys of all albums."""

from __future__ import annotations

from typing import Any

from flask_openapi3.blueprint import APIBlueprint

from photofinish.domain.access import Scope
from photofinish.wiring import App
from photofinish_functions.api import webhooks
from photofinish_functions.api.error_codes import fails_with
from photofinish_functions.api.guarding import guarded
from photofinish_functions.api.schemas import new_blueprint
from photofinish_functions.api.webhook_models import (
    DeliveriesAnswer,
    DeliveriesQuery,
    DeliveryDetails,
    DeliveryJson,
    DeliveryPath,
    NewSecret,
    Replayed,
    ReplayInput,
    SecretPath,
    WebhookChangeInput,
    WebhookInput,
    WebhookJson,
    WebhookPath,
    WebhooksAnswer,
)


def blueprint(services: App) -> APIBlueprint:
    api = new_blueprint(
        "webhooks", "Send events to your servers, signed and repeated until they arrive.", name="webhooks-of-all"
    )

    @api.get("/webhooks", responses={200: WebhooksAnswer})
    @guarded(Scope.ADMIN, "list_webhooks")
    def list_webhooks_of_all() -> dict[str, Any]:
        """List webhooks, oldest first, without their secrets."""
        return webhooks.list_all(services, None)

    @api.post("/webhooks", responses={201: NewSecret})
    @guarded(Scope.ADMIN, "add_webhook")
    @fails_with("too_many_webhooks", "url_not_allowed")
    def add_webhook_of_all(body: WebhookInput) -> tuple[dict[str, Any], int]:
        """Add a webhook. Its secret is in this answer and in no other."""
        return webhooks.add(services, None, body)

    @api.get("/webhooks/<webhook_id>", responses={200: WebhookJson})
    @guarded(Scope.ADMIN, "show_webhook")
    def show_webhook_of_all(path: WebhookPath) -> dict[str, Any]:
        """Show a webhook, and whether it fails."""
        return webhooks.show(services, None, path.webhook_id)

    @api.patch("/webhooks/<webhook_id>", responses={200: WebhookJson})
    @guarded(Scope.ADMIN, "change_webhook")
    @fails_with("url_not_allowed")
    def change_webhook_of_all(path: WebhookPath, body: WebhookChangeInput) -> dict[str, Any]:
        """Change a webhook, disable it, or enable it again."""
        return webhooks.change(services, None, path.webhook_id, body)

    @api.delete("/webhooks/<webhook_id>", responses={204: None})
    @guarded(Scope.ADMIN, "remove_webhook")
    def remove_webhook_of_all(path: WebhookPath) -> tuple[str, int]:
        """Remove a webhook with its deliveries."""
        return webhooks.remove(services, None, path.webhook_id)

    @api.post("/webhooks/<webhook_id>/secrets", responses={201: NewSecret})
    @guarded(Scope.ADMIN, "add_webhook_secret")
    @fails_with("too_many_secrets")
    def add_webhook_secret_of_all(path: WebhookPath) -> tuple[dict[str, Any], int]:
        """Add a second secret: until one is removed, messages are signed with both."""
        return webhooks.add_secret(services, None, path.webhook_id)

    @api.delete("/webhooks/<webhook_id>/secrets/<secret_id>", responses={204: None})
    @guarded(Scope.ADMIN, "remove_webhook_secret")
    @fails_with("last_secret")
    def remove_webhook_secret_of_all(path: SecretPath) -> tuple[str, int]:
        """Remove a secret; one stays."""
        return webhooks.remove_secret(services, None, path.webhook_id, path.secret_id)

    @api.post("/webhooks/<webhook_id>/test", responses={202: DeliveryJson})
    @guarded(Scope.ADMIN, "test_webhook")
    def test_webhook_of_all(path: WebhookPath) -> tuple[dict[str, Any], int]:
        """Send a test event, also to a webhook that is disabled; its delivery tells what came back."""
        return webhooks.test(services, None, path.webhook_id)

    @api.get("/webhooks/<webhook_id>/deliveries", responses={200: DeliveriesAnswer})
    @guarded(Scope.ADMIN, "list_webhook_deliveries")
    def list_webhook_deliveries_of_all(path: WebhookPath, query: DeliveriesQuery) -> dict[str, Any]:
        """List deliveries, newest first."""
        return webhooks.list_deliveries(services, None, path.webhook_id, query)

    @api.get("/webhooks/<webhook_id>/deliveries/<delivery_id>", responses={200: DeliveryDetails})
    @guarded(Scope.ADMIN, "show_webhook_delivery")
    def show_webhook_delivery_of_all(path: DeliveryPath) -> dict[str, Any]:
        """Show a delivery: what is sent, and every attempt with its answer and timing."""
        return webhooks.show_delivery(services, None, path.webhook_id, path.delivery_id)

    @api.post("/webhooks/<webhook_id>/deliveries/<delivery_id>/replay", responses={202: DeliveryJson})
    @guarded(Scope.ADMIN, "replay_webhook_delivery")
    def replay_webhook_delivery_of_all(path: DeliveryPath) -> tuple[dict[str, Any], int]:
        """Deliver again, with the same `webhook-id`."""
        return webhooks.replay_delivery(services, None, path.webhook_id, path.delivery_id)

    @api.post("/webhooks/<webhook_id>/replay", responses={202: Replayed})
    @guarded(Scope.ADMIN, "replay_webhook")
    @fails_with("invalid_query")
    def replay_webhook_of_all(path: WebhookPath, body: ReplayInput) -> tuple[dict[str, Any], int]:
        """Deliver a range of events again, or for the first time. Answers in pages of 1,000 events."""
        return webhooks.replay_range(services, None, path.webhook_id, body)

    return api

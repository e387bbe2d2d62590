"""Webhooks: relay events to them, deliver, repeat."""

"""Subscriptions and their messages in Postgres."""

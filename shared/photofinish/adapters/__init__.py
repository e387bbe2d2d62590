"""Implementations of the ports: Google Cloud's clients, Postgres, and public in-memory doubles (memory*.py)."""

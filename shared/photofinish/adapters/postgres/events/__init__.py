"""The event log in Postgres."""

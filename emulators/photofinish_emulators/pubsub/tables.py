"""The SQLite tables of the Pub/Sub server; `store.py` says how they are used."""

from __future__ import annotations

TABLES = """
CREATE TABLE IF NOT EXISTS topic (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    config BLOB NOT NULL,                   -- google.pubsub.v1.Topic
    deleted INTEGER NOT NULL DEFAULT 0      -- the row stays while a subscription still has its messages
);
CREATE UNIQUE INDEX IF NOT EXISTS live_topic ON topic (name) WHERE deleted = 0;
CREATE TABLE IF NOT EXISTS subscription (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    topic_id INTEGER NOT NULL REFERENCES topic (id),
    config BLOB NOT NULL,                   -- google.pubsub.v1.Subscription
    start_id INTEGER NOT NULL,              -- the last message published before it was created
    cursor INTEGER NOT NULL                 -- the last message it took
);
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY,                 -- microseconds since 1970
    topic_id INTEGER NOT NULL,
    ordering_key TEXT NOT NULL,
    body BLOB NOT NULL                      -- google.pubsub.v1.PubsubMessage
);
CREATE INDEX IF NOT EXISTS message_of_topic ON message (topic_id, id);
CREATE TABLE IF NOT EXISTS delivery (
    subscription_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    lease INTEGER NOT NULL,                 -- number of times it was delivered; part of the acknowledgement id
    failures INTEGER NOT NULL,              -- negative acknowledgements and missed deadlines so far
    state INTEGER NOT NULL,                 -- StoredState
    until_us INTEGER NOT NULL,
    PRIMARY KEY (subscription_id, message_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS snapshot (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    topic_id INTEGER NOT NULL,
    config BLOB NOT NULL,                   -- google.pubsub.v1.Snapshot
    cursor INTEGER NOT NULL                 -- of its subscription when it was made
);
CREATE TABLE IF NOT EXISTS snapshot_message (
    snapshot_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL,            -- up to the cursor, and not acknowledged
    PRIMARY KEY (snapshot_id, message_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS schema_revision (
    name TEXT NOT NULL,
    revision_id TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    schema BLOB NOT NULL,                   -- google.pubsub.v1.Schema
    PRIMARY KEY (name, revision_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS policy (
    resource TEXT PRIMARY KEY,
    policy BLOB NOT NULL                    -- google.iam.v1.Policy
);
"""

-- Webhooks: addresses that events are sent to, and one row per event and webhook that wants it. What is due is decided by
-- `next_attempt_at`; messages only say that a row may be due.
CREATE TABLE webhook (
    webhook_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    album_id integer REFERENCES album,  -- null: events of all albums
    url text NOT NULL,
    wanted jsonb NOT NULL,  -- the filter: names as in the API
    description text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    since timestamptz NOT NULL DEFAULT now(),  -- events recorded before are not sent
    disabled text CHECK (disabled IN ('requested', 'gone', 'failing')),
    disabled_at timestamptz,
    failures integer NOT NULL DEFAULT 0,
    failing_since timestamptz,
    paused_until timestamptz
);
CREATE INDEX webhook_of_album ON webhook (album_id);

-- Secrets are derived from their ids and a key that the database does not have.
CREATE TABLE webhook_secret (
    secret_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    webhook_id uuid NOT NULL REFERENCES webhook ON DELETE CASCADE,
    key_id text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX webhook_secret_of_webhook ON webhook_secret (webhook_id);

CREATE TABLE webhook_delivery (
    delivery_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webhook_id uuid NOT NULL REFERENCES webhook ON DELETE CASCADE,
    event_position bigint,  -- in album_event; null: a test
    album_id integer REFERENCES album,  -- this and the next two: of the event, to be erased with it
    photo_id uuid,
    person_ids uuid[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    started_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed')),
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    announced_at timestamptz,  -- of the last message about it; null: none is on its way
    leased_until timestamptz,
    UNIQUE (webhook_id, event_position)
);
CREATE INDEX webhook_delivery_due ON webhook_delivery (webhook_id, next_attempt_at) WHERE state = 'pending';
CREATE INDEX webhook_delivery_leased ON webhook_delivery (webhook_id) WHERE leased_until IS NOT NULL;
CREATE INDEX webhook_delivery_of_webhook ON webhook_delivery (webhook_id, delivery_id);
CREATE INDEX webhook_delivery_started ON webhook_delivery (started_at);
CREATE INDEX webhook_delivery_of_photo ON webhook_delivery (album_id, photo_id) WHERE album_id IS NOT NULL;
CREATE INDEX webhook_delivery_of_people ON webhook_delivery USING gin (person_ids) WHERE person_ids <> '{}';

CREATE TABLE webhook_attempt (
    delivery_id bigint NOT NULL REFERENCES webhook_delivery ON DELETE CASCADE,
    at timestamptz NOT NULL,
    url text NOT NULL,
    duration_ms integer NOT NULL,
    status integer,
    error text,
    answer text NOT NULL
);
CREATE INDEX webhook_attempt_of_delivery ON webhook_attempt (delivery_id, at);

-- Up to which position the event log is relayed; one row.
CREATE TABLE webhook_relay (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    position bigint NOT NULL
);
INSERT INTO webhook_relay (position)
SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM album_event_position;

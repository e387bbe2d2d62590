-- Statements of adapters/postgres/webhooks/. {columns} and {condition} are parts of the statement.

-- name: lock_album
-- One adds at a time, so that the limit holds.
SELECT pg_advisory_xact_lock(707809, coalesce(%(album_id)s::integer, 0))

-- name: count
SELECT count(*) FROM webhook WHERE album_id IS NOT DISTINCT FROM %(album_id)s::integer

-- name: add
INSERT INTO webhook (album_id, url, wanted, description, signature)
VALUES (%(album_id)s, %(url)s, %(wanted)s, %(description)s, %(signature)s)
RETURNING webhook_id

-- name: add_secret
INSERT INTO webhook_secret (webhook_id, key_id) VALUES (%(webhook_id)s, %(key_id)s)

-- name: remove_secret
DELETE FROM webhook_secret WHERE webhook_id = %(webhook_id)s AND secret_id = %(secret_id)s

-- name: lock
SELECT FROM webhook WHERE webhook_id = %(webhook_id)s FOR NO KEY UPDATE

-- name: webhooks
SELECT webhook_id, album.name, url, wanted, description, created_at, since, disabled, disabled_at,
    failures, failing_since, paused_until, signature,
    (
        SELECT jsonb_agg(jsonb_build_array(secret_id, key_id, secret.created_at) ORDER BY secret.created_at, secret_id)
        FROM webhook_secret AS secret WHERE secret.webhook_id = webhook.webhook_id
    )
FROM webhook LEFT JOIN album USING (album_id)
WHERE {condition}
ORDER BY created_at, webhook_id

-- name: change
UPDATE webhook SET
    url = coalesce(%(url)s, url),
    wanted = coalesce(%(wanted)s, wanted),
    description = coalesce(%(description)s, description)
WHERE webhook_id = %(webhook_id)s

-- name: enable
-- One that is enabled already goes on as it is.
UPDATE webhook SET since = now(), disabled = NULL, disabled_at = NULL, failures = 0, failing_since = NULL, paused_until = NULL
WHERE webhook_id = %(webhook_id)s AND disabled IS NOT NULL

-- name: disable
UPDATE webhook SET disabled = %(reason)s, disabled_at = %(at)s WHERE webhook_id = %(webhook_id)s AND disabled IS NULL

-- name: remove
DELETE FROM webhook WHERE webhook_id = %(webhook_id)s

-- name: position
SELECT position FROM webhook_relay

-- name: advance
UPDATE webhook_relay SET position = %(to)s WHERE position = %(after)s

-- name: add_deliveries
-- Of webhooks and events that are still there.
INSERT INTO webhook_delivery (
    webhook_id, event_position, album_id, photo_id, person_ids, created_at, started_at, next_attempt_at, announced_at
)
SELECT webhook_id, position, event.album_id, photo_id, person_ids, now(), now(), now(), CASE WHEN announced THEN now() END
FROM unnest(%(webhook_ids)s::uuid[], %(positions)s::bigint[], %(announced)s::boolean[]) AS given (webhook_id, position, announced)
JOIN webhook USING (webhook_id)
JOIN album_event AS event USING (position)
ON CONFLICT (webhook_id, event_position) DO NOTHING
RETURNING delivery_id, announced_at IS NOT NULL

-- name: replay_events
INSERT INTO webhook_delivery (
    webhook_id, event_position, album_id, photo_id, person_ids, created_at, started_at, next_attempt_at, announced_at
)
SELECT webhook_id, position, event.album_id, photo_id, person_ids, %(now)s, %(now)s, %(now)s, %(now)s
FROM webhook, unnest(%(positions)s::bigint[]) AS given (position) JOIN album_event AS event USING (position)
WHERE webhook_id = %(webhook_id)s
ON CONFLICT (webhook_id, event_position) DO UPDATE SET
    started_at = %(now)s, state = 'pending', attempts = 0, next_attempt_at = %(now)s, announced_at = %(now)s
RETURNING delivery_id

-- name: replay
UPDATE webhook_delivery SET
    started_at = %(now)s, state = 'pending', attempts = 0, next_attempt_at = %(now)s, announced_at = %(now)s
WHERE webhook_id = %(webhook_id)s AND delivery_id = %(delivery_id)s

-- name: add_test
INSERT INTO webhook_delivery (webhook_id, created_at, started_at, next_attempt_at, announced_at)
SELECT webhook_id, %(now)s, %(now)s, %(now)s, %(now)s FROM webhook WHERE webhook_id = %(webhook_id)s
RETURNING delivery_id

-- name: due
-- At most %(places)s of each webhook, less those that are leased, so that the backlog of one does not hide the others.
UPDATE webhook_delivery SET announced_at = %(now)s
WHERE delivery_id = ANY (ARRAY(
    SELECT waiting.delivery_id
    FROM webhook CROSS JOIN LATERAL (
        SELECT delivery_id FROM webhook_delivery AS delivery
        WHERE delivery.webhook_id = webhook.webhook_id AND state = 'pending' AND next_attempt_at <= %(now)s
            AND (leased_until IS NULL OR leased_until <= %(now)s)
            AND (announced_at IS NULL OR announced_at <= %(announced_before)s)
        ORDER BY next_attempt_at
        LIMIT greatest(0, %(places)s - (
            SELECT count(*) FROM webhook_delivery AS leased
            WHERE leased.webhook_id = webhook.webhook_id AND leased.leased_until > %(now)s
        ))
        FOR UPDATE SKIP LOCKED
    ) AS waiting
    WHERE disabled IS NULL AND (paused_until IS NULL OR paused_until <= %(now)s) AND {condition}
))
RETURNING delivery_id

-- name: lock_webhook_of
-- The webhook is locked before its deliveries, always in this order. Not FOR UPDATE, which would wait for inserts.
SELECT webhook_id FROM webhook
WHERE webhook_id = (SELECT webhook_id FROM webhook_delivery WHERE delivery_id = %(delivery_id)s)
FOR NO KEY UPDATE

-- name: deliveries
SELECT delivery_id, webhook_id, delivery.created_at, started_at, state, attempts, next_attempt_at, event_position,
    position, recorded_at, event_id, type, album.name, occurred_at, event.photo_id, generation, event.person_ids, batch_id,
    folder, camera, data
FROM webhook_delivery AS delivery
LEFT JOIN album_event AS event ON position = event_position
LEFT JOIN album ON album.album_id = event.album_id
WHERE {condition}
ORDER BY delivery_id DESC
LIMIT %(limit)s

-- name: lease
-- While the webhook is locked, so that the limit holds.
UPDATE webhook_delivery SET leased_until = %(until)s
WHERE delivery_id = %(delivery_id)s AND state = 'pending' AND next_attempt_at <= %(now)s
    AND (leased_until IS NULL OR leased_until <= %(now)s)
    AND (%(places)s::integer IS NULL OR %(places)s > (
        SELECT count(*) FROM webhook_delivery AS leased
        WHERE leased.webhook_id = %(webhook_id)s AND leased.leased_until > %(now)s
    ))

-- name: wait
UPDATE webhook_delivery SET announced_at = NULL WHERE delivery_id = %(delivery_id)s AND state = 'pending'

-- name: finish
UPDATE webhook_delivery SET leased_until = NULL, attempts = attempts + 1, announced_at = NULL,
    state = %(state)s, next_attempt_at = %(next_attempt_at)s
WHERE delivery_id = %(delivery_id)s AND state = 'pending'

-- name: add_attempt
INSERT INTO webhook_attempt (delivery_id, at, url, duration_ms, status, error, answer)
VALUES (%(delivery_id)s, %(at)s, %(url)s, %(duration_ms)s, %(status)s, %(error)s, %(answer)s)

-- name: set_health
UPDATE webhook SET failures = %(failures)s, failing_since = %(failing_since)s, paused_until = %(paused_until)s
WHERE webhook_id = %(webhook_id)s

-- name: attempts
SELECT at, url, duration_ms, status, error, answer FROM webhook_attempt WHERE delivery_id = %(delivery_id)s ORDER BY at

-- name: forget
DELETE FROM webhook_delivery WHERE delivery_id = %(delivery_id)s

-- name: abandon
UPDATE webhook_delivery SET state = 'failed', next_attempt_at = NULL, leased_until = NULL
WHERE state = 'pending' AND started_at < %(before)s

-- name: expire
DELETE FROM webhook_delivery WHERE started_at < %(before)s

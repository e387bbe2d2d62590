-- Statements of adapters/postgres/subscriptions/. {condition} is a part of the statement.

-- name: lock_owner
-- One adds at a time, so that the limits hold.
SELECT pg_advisory_xact_lock(707811, hashtext(%(owner)s)), pg_advisory_xact_lock(707812, hashtext(encode(%(contact_hash)s, 'hex')))

-- name: known
SELECT subscription_id, confirmed_at, last_sent_at, message_number FROM subscription
WHERE album_id = %(album_id)s AND owner = %(owner)s AND contact_hash = %(contact_hash)s
FOR UPDATE

-- name: count_of_owner
SELECT count(*) FROM subscription WHERE album_id = %(album_id)s AND owner = %(owner)s

-- name: count_confirmations
SELECT count(*) FROM confirmation_request WHERE contact_hash = %(contact_hash)s AND at > %(after)s

-- name: note_confirmation
INSERT INTO confirmation_request (contact_hash, at) VALUES (%(contact_hash)s, %(now)s)

-- name: use_destination
INSERT INTO notification_destination (destination, channel) VALUES (%(destination)s, %(channel)s) ON CONFLICT DO NOTHING

-- name: add
INSERT INTO subscription (
    subscription_id, album_id, owner, channel, destination, contact_hash, language, bib, person_id, selfies, text_version, key_id,
    since, created_at, confirmed_at, ends_at, due_at, last_sent_at, message_number
) VALUES (
    %(subscription_id)s, %(album_id)s, %(owner)s, %(channel)s, %(destination)s, %(contact_hash)s, %(language)s, %(bib)s,
    %(person_id)s, %(selfies)s, %(text_version)s, %(key_id)s, %(since)s, %(now)s, %(confirmed_at)s, %(ends_at)s, %(due_at)s,
    %(last_sent_at)s, %(message_number)s
)

-- name: add_contact
INSERT INTO subscription_contact (subscription_id, address) VALUES (%(subscription_id)s, %(address)s)

-- name: add_template
INSERT INTO subscription_template (subscription_id, space_id, min_similarity, embedding)
VALUES (%(subscription_id)s, %(space_id)s, %(min_similarity)s, %(embedding)s::halfvec)

-- name: subscriptions
SELECT subscription_id, album.name, owner, channel, language, bib, person_id, selfies, text_version, created_at, confirmed_at, ends_at
FROM subscription JOIN album USING (album_id)
WHERE {condition}
ORDER BY subscription_id
LIMIT %(limit)s

-- name: counts
SELECT channel, confirmed_at IS NOT NULL, count(*) FROM subscription
WHERE album_id = %(album_id)s
GROUP BY 1, 2 ORDER BY 1, 2

-- name: confirm
UPDATE subscription SET
    confirmed_at = %(now)s,
    due_at = CASE WHEN EXISTS (
        SELECT FROM subscription_match AS found WHERE found.subscription_id = subscription.subscription_id
    ) THEN %(now)s::timestamptz END,
    announced_at = NULL,
    leased_until = NULL,
    message_number = message_number + 1,
    attempts = 0
WHERE subscription_id = %(subscription_id)s AND confirmed_at IS NULL AND ends_at > %(now)s

-- name: end
DELETE FROM subscription WHERE subscription_id = ANY (%(subscription_ids)s)
RETURNING subscription_id, album_id, (SELECT name FROM album WHERE album.album_id = subscription.album_id), channel

-- name: over
SELECT subscription_id, ends_at <= %(now)s FROM subscription
WHERE ends_at <= %(now)s OR (confirmed_at IS NULL AND created_at <= %(asked_before)s)
ORDER BY subscription_id
FOR UPDATE

-- name: forget_confirmations
DELETE FROM confirmation_request WHERE at <= %(before)s

-- name: suppressed
SELECT suppressed_subscriptions(%(opt_out_id)s)

-- name: about
SELECT subscriptions_about(%(album_id)s, %(person_id)s)

-- name: position
SELECT position FROM subscription_relay

-- name: has_any
SELECT EXISTS (SELECT FROM subscription WHERE ends_at > %(now)s)

-- name: advance
UPDATE subscription_relay SET position = %(to)s WHERE position = %(after)s

-- name: match
SELECT match_subscriptions(%(after)s, %(to)s)

-- name: match_people
SELECT match_people_of_subscriptions()

-- name: lock_untold
-- In one order, so that no two transactions block each other.
SELECT subscription_id, last_sent_at FROM subscription
WHERE subscription_id = ANY (%(subscription_ids)s) AND due_at IS NULL AND confirmed_at IS NOT NULL
ORDER BY subscription_id
FOR NO KEY UPDATE

-- name: set_due
UPDATE subscription SET due_at = given.due_at, announced_at = NULL
FROM unnest(%(subscription_ids)s::uuid[], %(due_at)s::timestamptz[]) AS given (subscription_id, due_at)
WHERE subscription.subscription_id = given.subscription_id

-- name: due
-- A few of each destination, so that the backlog of one does not hide the others.
UPDATE subscription SET announced_at = %(now)s
WHERE subscription_id = ANY (ARRAY(
    SELECT waiting.subscription_id
    FROM notification_destination AS destination CROSS JOIN LATERAL (
        SELECT subscription_id FROM subscription AS one
        WHERE one.destination = destination.destination AND due_at <= %(now)s AND ends_at > %(now)s
            AND (leased_until IS NULL OR leased_until <= %(now)s)
            AND (announced_at IS NULL OR announced_at <= %(announced_before)s)
        ORDER BY due_at
        LIMIT greatest(0, CASE
            WHEN destination.failures > 0 THEN 1 WHEN destination.channel = 'email' THEN %(email)s::integer
            WHEN destination.channel = 'fcm' THEN %(fcm)s::integer ELSE %(webhook)s::integer
        END - (
            SELECT count(*) FROM subscription AS leased
            WHERE leased.destination = destination.destination AND leased.leased_until > %(now)s
        ))
        FOR NO KEY UPDATE SKIP LOCKED
    ) AS waiting
    WHERE (paused_until IS NULL OR paused_until <= %(now)s) AND {condition}
))
RETURNING subscription_id

-- name: lock_destination
-- A destination is locked before its subscriptions, always in this order.
SELECT destination, channel, failures, failing_since, paused_until FROM notification_destination
WHERE destination = (SELECT destination FROM subscription WHERE subscription_id = %(subscription_id)s)
FOR NO KEY UPDATE

-- name: lock
SELECT album.name, channel, language, key_id, message_number, attempts, confirmed_at IS NOT NULL, due_at <= %(now)s, address,
    album_id
FROM subscription JOIN album USING (album_id) JOIN subscription_contact USING (subscription_id)
WHERE subscription_id = %(subscription_id)s AND ends_at > %(now)s
FOR NO KEY UPDATE OF subscription

-- name: lease
UPDATE subscription SET leased_until = %(until)s
WHERE subscription_id = %(subscription_id)s AND (leased_until IS NULL OR leased_until <= %(now)s) AND %(places)s > (
    SELECT count(*) FROM subscription AS leased
    WHERE leased.destination = %(destination)s AND leased.leased_until > %(now)s
)

-- name: wait
UPDATE subscription SET announced_at = NULL WHERE subscription_id = %(subscription_id)s

-- name: nothing_due
-- The photos of the message were erased meanwhile.
UPDATE subscription SET due_at = NULL, announced_at = NULL, leased_until = NULL
WHERE subscription_id = %(subscription_id)s

-- name: photos
SELECT photo_id FROM subscription_match
WHERE subscription_id = %(subscription_id)s AND message = %(number)s
ORDER BY photo_id

-- name: take_photos
UPDATE subscription_match SET message = %(number)s
WHERE subscription_id = %(subscription_id)s AND photo_id IN (
    SELECT photo_id FROM subscription_match
    WHERE subscription_id = %(subscription_id)s AND message IS NULL
    ORDER BY photo_id LIMIT %(limit)s
)

-- name: has_untold
SELECT EXISTS (SELECT FROM subscription_match WHERE subscription_id = %(subscription_id)s AND message IS NULL)

-- name: finish
UPDATE subscription SET
    leased_until = NULL, announced_at = NULL, attempts = %(attempts)s, due_at = %(due_at)s,
    message_number = message_number + %(told)s,
    last_sent_at = CASE WHEN %(told)s = 1 THEN %(now)s ELSE last_sent_at END
WHERE subscription_id = %(subscription_id)s

-- name: set_health
UPDATE notification_destination
SET failures = %(failures)s, failing_since = %(failing_since)s, paused_until = %(paused_until)s
WHERE destination = %(destination)s

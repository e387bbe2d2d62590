-- Statements of adapters/postgres/access.py. %(name)s is a parameter.

-- name: add_key
INSERT INTO api_key (
    key_id, secret_sha256, label, scope, albums, rate_per_s, burst, created_at, expires_at, may_use_vectors
) VALUES (
    %(key_id)s, %(secret_sha256)s, %(label)s, %(scope)s, %(albums)s, %(rate_per_s)s, %(burst)s, %(created_at)s,
    %(expires_at)s, %(may_use_vectors)s
)
ON CONFLICT (key_id) DO NOTHING
RETURNING key_id

-- name: find_key
SELECT key_id, secret_sha256, label, scope, albums, rate_per_s, burst, created_at, expires_at, revoked_at, last_used_at,
    may_use_vectors
FROM api_key WHERE key_id = %(key_id)s

-- name: list_keys
SELECT key_id, secret_sha256, label, scope, albums, rate_per_s, burst, created_at, expires_at, revoked_at, last_used_at,
    may_use_vectors
FROM api_key ORDER BY created_at, key_id

-- name: revoke_key
UPDATE api_key SET revoked_at = coalesce(revoked_at, now()) WHERE key_id = %(key_id)s RETURNING key_id

-- name: touch_key
-- Every instance runs this once an hour; one of them writes.
UPDATE api_key SET last_used_at = %(at)s
WHERE key_id = %(key_id)s AND (last_used_at IS NULL OR last_used_at < %(at)s - %(not_within)s::interval)

-- name: take
-- The generic cell rate algorithm in one statement: full_at is when the bucket will be full again, at most a burst ahead.
-- Returns 0 if the request is admitted, otherwise the seconds to wait, and then writes nothing. %(cost_s)s and %(burst_s)s
-- are numbers of requests times the seconds in which the bucket regains one. The second column is how many seconds of each
-- of %(budgets)s are used, as in used_s.
WITH admitted AS (
    INSERT INTO rate_window AS used (bucket, full_at)
    VALUES (%(bucket)s, statement_timestamp() + %(cost_s)s * interval '1 second')
    ON CONFLICT (bucket) DO UPDATE
    SET full_at = greatest(used.full_at, statement_timestamp()) + %(cost_s)s * interval '1 second'
    WHERE greatest(used.full_at, statement_timestamp()) + (%(cost_s)s - %(burst_s)s) * interval '1 second'
        <= statement_timestamp()
    RETURNING 1
)
SELECT CASE
    WHEN EXISTS (SELECT FROM admitted) THEN 0
    ELSE greatest(0.001, coalesce((
        SELECT extract(epoch FROM full_at - statement_timestamp()) + %(cost_s)s - %(burst_s)s
        FROM rate_window WHERE bucket = %(bucket)s
    ), 0))
END::double precision, ARRAY(
    SELECT coalesce(greatest(0, extract(epoch FROM spent.full_at - statement_timestamp())), 0)::double precision
    FROM unnest(%(budgets)s::text[]) WITH ORDINALITY AS budget (bucket, place)
    LEFT JOIN rate_window AS spent USING (bucket)
    ORDER BY place
)

-- name: charge
INSERT INTO rate_window AS used (bucket, full_at)
VALUES (%(bucket)s, statement_timestamp() + %(cost_s)s * interval '1 second')
ON CONFLICT (bucket) DO UPDATE
SET full_at = least(
    greatest(used.full_at, statement_timestamp()), statement_timestamp() + %(budget_s)s * interval '1 second'
) + %(cost_s)s * interval '1 second'
RETURNING extract(epoch FROM full_at - statement_timestamp())::double precision

-- name: used_s
SELECT bucket, extract(epoch FROM full_at - statement_timestamp())::double precision
FROM rate_window WHERE bucket = ANY(%(buckets)s) AND full_at > statement_timestamp()

-- name: count_queries
-- A row that has expired begins anew.
INSERT INTO found_face AS known (face, queries) SELECT face, ARRAY[%(query)s] FROM unnest(%(faces)s::bytea[]) AS face
ON CONFLICT (face) DO UPDATE SET
    queries = CASE
        WHEN known.expires_at < now() THEN excluded.queries
        WHEN %(query)s = ANY(known.queries) THEN known.queries
        ELSE (known.queries || excluded.queries)[greatest(1, cardinality(known.queries) - 30):]
    END,
    count = CASE
        WHEN known.expires_at < now() THEN 1
        WHEN %(query)s = ANY(known.queries) THEN known.count
        ELSE known.count + 1
    END,
    is_new = known.expires_at < now() OR NOT %(query)s = ANY(known.queries),
    expires_at = CASE WHEN known.expires_at < now() THEN excluded.expires_at ELSE known.expires_at END
RETURNING count, is_new

-- name: remember_signature
-- Deletes two expired signatures for each new one, so that the table stays small even if `expire` never runs.
WITH expired AS (
    DELETE FROM seen_signature WHERE ctid IN (
        SELECT ctid FROM seen_signature WHERE expires_at < now() ORDER BY expires_at LIMIT 2 FOR UPDATE SKIP LOCKED
    )
)
INSERT INTO seen_signature (signature, request_nonce, expires_at)
SELECT %(signature)s, %(request_nonce)s, %(expires_at)s
WHERE NOT EXISTS (
    SELECT FROM seen_signature
    WHERE signature = %(signature)s AND seen_at < statement_timestamp() - %(alike_within_s)s * interval '1 second'
)
ON CONFLICT (signature, request_nonce) DO NOTHING
RETURNING 1

-- name: album_access
SELECT users_may_search, users_may_browse, anonymous_users FROM album_access WHERE album = %(album)s

-- name: album_access_to_change
SELECT users_may_search, users_may_browse, anonymous_users FROM album_access WHERE album = %(album)s FOR NO KEY UPDATE

-- name: set_album_access
INSERT INTO album_access (album, users_may_search, users_may_browse, anonymous_users)
VALUES (%(album)s, %(users_may_search)s, %(users_may_browse)s, %(anonymous_users)s)
ON CONFLICT (album) DO UPDATE SET
    users_may_search = excluded.users_may_search,
    users_may_browse = excluded.users_may_browse,
    anonymous_users = excluded.anonymous_users,
    revision = album_access.revision + 1
RETURNING revision

-- name: open_albums
SELECT album FROM album_access WHERE users_may_search AND (anonymous_users OR NOT %(anonymous)s)

-- name: append_audit
INSERT INTO audit_entry (principal, principal_id, action, album, target, outcome, request_id, count, network)
VALUES (
    %(principal)s, %(principal_id)s, %(action)s, %(album)s, %(target)s, %(outcome)s, %(request_id)s, %(count)s,
    %(network)s
)

-- name: audit_entries
SELECT entry_id, at, principal, principal_id, action, album, target, outcome, request_id, count, network
FROM audit_entry
WHERE entry_id > %(after)s
    AND (%(album)s::text IS NULL OR album = %(album)s)
    AND (%(since)s::timestamptz IS NULL OR at >= %(since)s)
ORDER BY entry_id
LIMIT %(limit)s

-- name: audit_page
SELECT entry_id, at, principal, principal_id, action, album, target, outcome, request_id, count, network
FROM audit_entry
WHERE (%(before)s::bigint IS NULL OR entry_id < %(before)s)
    AND (%(album)s::text IS NULL OR album = %(album)s)
    AND (%(action)s::text IS NULL OR action = %(action)s)
    AND (%(principal_id)s::text IS NULL OR principal_id = %(principal_id)s)
    AND (%(target)s::text IS NULL OR target = %(target)s)
    AND (%(since)s::timestamptz IS NULL OR at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR at < %(until)s)
ORDER BY entry_id DESC
LIMIT %(limit)s

-- name: entries_about
SELECT at, principal, principal_id, action, outcome, request_id, count
FROM audit_entries_about(%(album)s, %(target)s)

-- name: expire_audit_entries
SELECT expire_audit_entries(%(older_than)s)

-- name: expire_rate_windows
DELETE FROM rate_window WHERE full_at < now()

-- name: expire_signatures
DELETE FROM seen_signature WHERE expires_at < now()

-- name: expire_found_faces
DELETE FROM found_face WHERE expires_at < now()

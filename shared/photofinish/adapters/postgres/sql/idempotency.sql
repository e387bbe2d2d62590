-- Statements of adapters/postgres/idempotency.py.

-- name: claim
-- A claim that lapsed may be taken by a request with the same body only.
INSERT INTO kept_answer AS known (request, body_sha256, album, expires_at)
VALUES (%(request)s, %(body_sha256)s, %(album)s, now() + %(kept_for)s::interval)
ON CONFLICT (request) DO UPDATE SET
    body_sha256 = excluded.body_sha256,
    claim_id = excluded.claim_id,
    claimed_at = excluded.claimed_at,
    expires_at = excluded.expires_at,
    status = NULL,
    headers = NULL,
    content = NULL,
    ids = '{}'
WHERE known.expires_at < now() OR (
    known.status IS NULL
    AND known.claimed_at < now() - %(claimed_for)s::interval
    AND known.body_sha256 = excluded.body_sha256
)
RETURNING claim_id

-- name: find
SELECT body_sha256, status, headers, content FROM kept_answer WHERE request = %(request)s

-- name: keep
UPDATE kept_answer SET status = %(status)s, headers = %(headers)s, content = %(content)s, ids = %(ids)s
WHERE claim_id = %(claim_id)s

-- name: release
DELETE FROM kept_answer WHERE claim_id = %(claim_id)s AND status IS NULL

-- name: expire
DELETE FROM kept_answer WHERE expires_at < now()

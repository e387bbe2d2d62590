-- Statements of adapters/postgres/shares.py. %(name)s is a parameter, {name} a part of the statement.

-- name: cards
SELECT album.name, title, held_on, watermark, downloads
FROM album_card JOIN album USING (album_id)
WHERE album.name = ANY(%(albums)s)

-- name: set_card
-- No row: nothing changed.
INSERT INTO album_card (album_id, title, held_on, watermark, downloads)
VALUES (%(album_id)s, %(title)s, %(held_on)s, %(watermark)s, %(downloads)s)
ON CONFLICT (album_id) DO UPDATE
SET title = excluded.title, held_on = excluded.held_on, watermark = excluded.watermark, downloads = excluded.downloads,
    changed_at = now()
WHERE (album_card.title, album_card.held_on, album_card.watermark, album_card.downloads)
    IS DISTINCT FROM (excluded.title, excluded.held_on, excluded.watermark, excluded.downloads)
RETURNING changed_at

-- name: add_share
INSERT INTO share (share_id, album_id, token_sha256, label, may, downloads, pin, expires_at, created_at)
VALUES (
    %(share_id)s, %(album_id)s, %(token_sha256)s, %(label)s, %(may)s, %(downloads)s, %(pin)s, %(expires_at)s, %(created_at)s
)

-- name: shares
SELECT share_id, album.name, label, may, downloads, pin, expires_at, created_at, revoked_at
FROM share JOIN album USING (album_id)
WHERE {condition}
ORDER BY created_at, share_id

-- name: revoke
-- No row: the album has no such share; false: it was revoked before.
UPDATE share SET revoked_at = coalesce(revoked_at, now())
WHERE share_id = %(share_id)s AND album_id = %(album_id)s
RETURNING revoked_at, revoked_at = now()

-- name: is_open
-- Reads no more than a role may that only keeps streams open.
SELECT FROM share WHERE share_id = %(share_id)s AND revoked_at IS NULL AND expires_at > %(at)s

-- name: expire_shares
DELETE FROM share WHERE expires_at < %(before)s

-- name: start_session
INSERT INTO page_session (
    token_sha256, kind, principal_id, share_id, scope, granted_albums, is_anonymous, expires_at
) VALUES (
    %(token_sha256)s, %(kind)s, %(principal_id)s, %(share_id)s, %(scope)s, %(granted_albums)s, %(is_anonymous)s,
    %(expires_at)s
)

-- name: find_session
SELECT kind, principal_id, scope, granted_albums, is_anonymous, expires_at
FROM page_session WHERE token_sha256 = %(token_sha256)s AND expires_at > %(at)s

-- name: end_session
DELETE FROM page_session WHERE token_sha256 = %(token_sha256)s

-- name: expire_sessions
DELETE FROM page_session WHERE expires_at < %(at)s

-- name: give_feedback
INSERT INTO find_me_feedback (album_id, face_id, caller, photo_id, is_me)
SELECT album_id, face_id, %(caller)s, photo_id, %(is_me)s
FROM face WHERE album_id = %(album_id)s AND face_id = %(face_id)s AND photo_id = %(photo_id)s
ON CONFLICT (album_id, face_id, caller) DO UPDATE SET is_me = excluded.is_me, at = now()
RETURNING 1

-- name: feedback
SELECT photo_id, face_id, count(*) FILTER (WHERE is_me), count(*) FILTER (WHERE NOT is_me), max(at) AS last_at
FROM find_me_feedback
WHERE album_id = %(album_id)s
GROUP BY photo_id, face_id
HAVING %(before)s::timestamptz IS NULL OR (max(at), face_id) < (%(before)s::timestamptz, %(before_face)s::uuid)
ORDER BY last_at DESC, face_id DESC
LIMIT %(limit)s

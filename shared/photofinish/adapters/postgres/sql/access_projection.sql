-- Statements of adapters/postgres/access_projection.py.

-- name: try_lock
-- The first number identifies this kind of lock; the lock ends with the transaction. Two albums with one hash take turns.
SELECT pg_try_advisory_xact_lock(707820, hashtext(%(album)s))

-- name: keep_row
-- Until the end of the transaction the row can be changed, but not deleted.
SELECT FROM album_access WHERE album = %(album)s FOR KEY SHARE

-- name: pending
SELECT revision, users_may_search, users_may_browse, anonymous_users FROM album_access
WHERE album = %(album)s AND documented_revision < revision

-- name: pending_albums
SELECT album FROM album_access WHERE documented_revision < revision ORDER BY album

-- name: done
UPDATE album_access SET documented_revision = %(revision)s
WHERE album = %(album)s AND documented_revision < %(revision)s

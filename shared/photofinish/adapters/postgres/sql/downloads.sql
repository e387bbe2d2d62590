-- Statements of adapters/postgres/downloads.py.

-- name: add
INSERT INTO download (
    download_id, token_sha256, album_id, photo_ids, principal, principal_id, is_organiser, size, with_metadata, photos,
    expires_at
)
VALUES (
    %(download_id)s, %(token_sha256)s, %(album_id)s, %(photo_ids)s::uuid[], %(principal)s, %(principal_id)s,
    %(is_organiser)s, %(size)s, %(with_metadata)s, %(photos)s, %(expires_at)s
)

-- name: find
SELECT download_id::text, album.name, principal, principal_id, is_organiser, size, with_metadata, photos, expires_at,
    crc32s, missing
FROM download JOIN album USING (album_id)
WHERE token_sha256 = %(token_sha256)s AND expires_at > %(now)s

-- name: note_read
UPDATE download SET
    crc32s = crc32s || %(crc32s)s,
    missing = ARRAY(SELECT DISTINCT unnest(missing || %(missing)s::integer[]))
WHERE download_id = %(download_id)s

-- name: expire
DELETE FROM download WHERE expires_at <= %(now)s

-- Statements of adapters/postgres/batches.py. {lock} is a part of the statement.

-- name: create
INSERT INTO upload_batch (album_id, expires_at) VALUES (%(album_id)s, %(expires_at)s) RETURNING batch_id

-- name: announce
INSERT INTO batch_file (batch_id, name, album_id, photo_id, size_bytes, content_type, crc32c)
SELECT %(batch_id)s, name, %(album_id)s, photo_id, size_bytes, content_type, crc32c
FROM unnest(
    %(names)s::text[], %(photo_ids)s::uuid[], %(sizes)s::bigint[], %(content_types)s::text[], %(crc32cs)s::text[]
) AS file (name, photo_id, size_bytes, content_type, crc32c)
ON CONFLICT (batch_id, name) DO UPDATE SET
    size_bytes = excluded.size_bytes, content_type = excluded.content_type, crc32c = excluded.crc32c

-- name: batch
SELECT state, created_at, expires_at, ended_at, album.name, album_id FROM upload_batch JOIN album USING (album_id)
WHERE batch_id = %(batch_id)s {lock}

-- name: counts
-- A message about an earlier status may be recorded late, so the latest is what happened last.
WITH latest AS (
    SELECT DISTINCT ON (photo_id) photo_id, type, occurred_at FROM album_event
    WHERE batch_id = %(batch_id)s AND type = ANY (%(types)s)
    ORDER BY photo_id, occurred_at DESC, type = 'photo.queued'
)
SELECT type, count(*), count(*) FILTER (WHERE type <> 'photo.queued' AND occurred_at > now() - interval '1 minute')
FROM batch_file LEFT JOIN latest USING (photo_id)
WHERE batch_id = %(batch_id)s
GROUP BY type

-- name: files
WITH latest AS (
    SELECT DISTINCT ON (photo_id) photo_id, type, occurred_at, data FROM album_event
    WHERE batch_id = %(batch_id)s AND type = ANY (%(types)s)
    ORDER BY photo_id, occurred_at DESC, type = 'photo.queued'
)
SELECT name, photo_id, size_bytes, content_type, crc32c, type, occurred_at, data -> 'error',
    data ->> 'duplicate_of'
FROM batch_file LEFT JOIN latest USING (photo_id)
WHERE batch_id = %(batch_id)s AND (%(after)s::text IS NULL OR name > %(after)s)
    AND (NOT %(filtered)s OR type IS NOT DISTINCT FROM %(type)s)
ORDER BY name
LIMIT %(limit)s

-- name: end
UPDATE upload_batch SET state = %(state)s, ended_at = now() WHERE batch_id = %(batch_id)s RETURNING ended_at

-- name: batch_of
WITH came AS (
    UPDATE batch_file SET generation = %(generation)s
    WHERE photo_id = %(photo_id)s AND generation IS NULL AND batch_id = (
        SELECT batch_id FROM batch_file AS awaiting JOIN upload_batch USING (batch_id)
        WHERE awaiting.photo_id = %(photo_id)s AND awaiting.generation IS NULL AND state = 'open'
        ORDER BY created_at DESC LIMIT 1
    ) AND NOT EXISTS (SELECT FROM batch_file WHERE photo_id = %(photo_id)s AND generation = %(generation)s)
    RETURNING batch_id
)
SELECT batch_id FROM came
UNION ALL
SELECT batch_id FROM batch_file WHERE photo_id = %(photo_id)s AND generation = %(generation)s
LIMIT 1

-- name: open
SELECT batch_id FROM upload_batch WHERE state = 'open'

-- name: due
SELECT batch_id FROM upload_batch WHERE state = 'open' AND expires_at <= %(now)s

-- name: forget
DELETE FROM upload_batch WHERE ended_at < %(before)s

-- Statements of adapters/postgres/statistics.py.

-- name: try_lock
-- One transaction at a time changes the statistics of an album.
SELECT pg_try_advisory_xact_lock(707820, %(album_id)s)

-- name: lock
SELECT pg_advisory_xact_lock(707820, %(album_id)s)

-- name: position
SELECT coalesce((SELECT position FROM album_statistics_position WHERE album_id = %(album_id)s), 0)

-- name: set_position
INSERT INTO album_statistics_position (album_id, position) VALUES (%(album_id)s, %(position)s)
ON CONFLICT (album_id) DO UPDATE SET position = excluded.position

-- name: avoid_sorting
-- All that remains would be read to be sorted, instead of the next results by the index that orders them.
SET LOCAL enable_sort = off

-- name: results
SELECT position, type, occurred_at, photo_id, generation, folder, camera, data FROM album_event
WHERE album_id = %(album_id)s AND type = ANY (%(types)s) AND position > %(after)s AND position <= %(until)s
    AND NOT EXISTS (
        SELECT FROM erased_photo
        WHERE erased_photo.photo_id = album_event.photo_id AND erased_photo.generation >= album_event.generation
    )
ORDER BY position
LIMIT %(limit)s

-- name: counted
SELECT photo_id, generation, status, occurred_at, folder, camera, code, faces, bibs, upload_to_result_s
FROM counted_photo
WHERE album_id = %(album_id)s AND photo_id = ANY (%(photo_ids)s)

-- name: set_counted
INSERT INTO counted_photo (
    album_id, photo_id, generation, status, occurred_at, folder, camera, code, faces, bibs, upload_to_result_s
)
SELECT %(album_id)s, *
FROM unnest(
    %(photo_id)s::uuid[], %(generation)s::bigint[], %(status)s::text[], %(occurred_at)s::timestamptz[], %(folder)s::text[],
    %(camera)s::text[], %(code)s::text[], %(faces)s::integer[], %(bibs)s::integer[],
    %(upload_to_result_s)s::double precision[]
)
ON CONFLICT (album_id, photo_id) DO UPDATE SET
    generation = excluded.generation, status = excluded.status, occurred_at = excluded.occurred_at,
    folder = excluded.folder, camera = excluded.camera, code = excluded.code, faces = excluded.faces, bibs = excluded.bibs,
    upload_to_result_s = excluded.upload_to_result_s

-- name: take_back
-- Of these photos those whose counted version is erased.
DELETE FROM counted_photo
WHERE album_id = %(album_id)s AND photo_id = ANY (%(photo_ids)s) AND EXISTS (
    SELECT FROM erased_photo
    WHERE erased_photo.photo_id = counted_photo.photo_id AND erased_photo.generation >= counted_photo.generation
)
RETURNING photo_id, generation, status, occurred_at, folder, camera, code, faces, bibs, upload_to_result_s

-- name: groups
SELECT kind, key, done, rejected, failed, faces, bibs, with_bib, durations
FROM album_statistics JOIN unnest(%(kinds)s::text[], %(keys)s::text[]) AS given (kind, key) USING (kind, key)
WHERE album_id = %(album_id)s

-- name: set_group
INSERT INTO album_statistics (album_id, kind, key, done, rejected, failed, faces, bibs, with_bib, durations)
VALUES (
    %(album_id)s, %(kind)s, %(key)s, %(done)s, %(rejected)s, %(failed)s, %(faces)s, %(bibs)s, %(with_bib)s, %(durations)s
)
ON CONFLICT (album_id, kind, key) DO UPDATE SET
    done = excluded.done, rejected = excluded.rejected, failed = excluded.failed, faces = excluded.faces,
    bibs = excluded.bibs, with_bib = excluded.with_bib, durations = excluded.durations

-- name: drop_empty
DELETE FROM album_statistics WHERE album_id = %(album_id)s AND done = 0 AND rejected = 0 AND failed = 0

-- name: most_photos
SELECT key, done, rejected, failed, faces, bibs, with_bib, durations FROM album_statistics
WHERE album_id = %(album_id)s AND kind = %(kind)s
ORDER BY done + rejected + failed DESC, key
LIMIT %(limit)s

-- name: latest_hours
SELECT key, done, rejected, failed, faces, bibs, with_bib, durations FROM album_statistics
WHERE album_id = %(album_id)s AND kind = 'hour'
ORDER BY key DESC
LIMIT %(limit)s

-- name: photos_per_person
-- How many people are on how many photos: an album may have more people than one wants to send.
SELECT photos, count(*) FROM person_photos WHERE album_id = %(album_id)s GROUP BY photos

-- name: failures
SELECT coalesce(data -> 'error' ->> 'code', 'unknown'), count(DISTINCT photo_id) FROM album_event
WHERE type = 'photo.failed' AND occurred_at >= %(since)s
GROUP BY 1

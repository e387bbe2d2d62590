-- Statements of adapters/postgres/events/. {conditions} and {order} are parts of the statement.

-- name: record
SELECT record_album_event(
    %(event_id)s, %(type)s, %(album_id)s, %(occurred_at)s, %(photo_id)s, %(generation)s, %(person_ids)s, %(batch_id)s,
    %(folder)s, %(camera)s, %(data)s
)

-- name: watermark
SELECT event_watermark()

-- name: page
SELECT {columns}
FROM album_event JOIN album USING (album_id)
WHERE position > %(after)s AND position <= %(until)s {conditions}
ORDER BY position {order}
LIMIT %(limit)s

-- name: page_of_types
-- Type by type, because an index is in the order of positions only within a type.
SELECT {columns}
FROM unnest(%(types)s::text[]) AS wanted (wanted_type) CROSS JOIN LATERAL (
    SELECT * FROM album_event
    WHERE position > %(after)s AND position <= %(until)s AND type = wanted_type {conditions}
    ORDER BY position {order}
    LIMIT %(limit)s
) AS event JOIN album USING (album_id)
ORDER BY position {order}
LIMIT %(limit)s

-- name: columns
position, recorded_at, event_id, type, album.name, occurred_at, photo_id, generation, person_ids, batch_id, folder, camera,
    data

-- name: positions
-- Between which positions the events of a time are, apart from those that are late (record_album_event); a minute more at
-- either end, because a position is taken a moment before the time is.
SELECT
    (SELECT position FROM album_event
        WHERE album_id = %(album_id)s AND recorded_at < %(occurred_from)s::timestamptz - interval '2 minutes'
        ORDER BY recorded_at DESC LIMIT 1),
    (SELECT position FROM album_event
        WHERE album_id = %(album_id)s AND recorded_at >= %(occurred_before)s::timestamptz + interval '61 minutes'
        ORDER BY recorded_at LIMIT 1)

-- name: photos_of_bib
SELECT DISTINCT photo_id FROM bib WHERE album_id = %(album_id)s AND number = %(bib)s

-- name: photos_of_person
SELECT DISTINCT photo_id FROM person_face WHERE album_id = %(album_id)s AND person_id = %(person_id)s

-- name: shown
SELECT photo_id,
    (SELECT coalesce(array_agg(DISTINCT number), '{}') FROM bib WHERE bib.photo_id = given.photo_id),
    (SELECT coalesce(array_agg(DISTINCT person_id), '{}') FROM person_face WHERE person_face.photo_id = given.photo_id)
FROM unnest(%(photo_ids)s::uuid[]) AS given (photo_id)

-- name: make_partitions
SELECT make_event_partitions(%(until)s)

-- name: drop_old
SELECT drop_old_events(%(before)s)

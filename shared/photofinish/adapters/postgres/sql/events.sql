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

-- name: avoid_sorting
-- For this transaction. Postgres takes the comparisons of rows below for more selective than they are, and would sort what an
-- index gives in order.
SELECT set_config('enable_sort', 'off', true), set_config('enable_incremental_sort', 'off', true)

-- name: page_of_few
-- As `page`, of few events: sorted by an expression, because Postgres would else read all in the order of an index.
SELECT {columns}
FROM album_event JOIN album USING (album_id)
WHERE position > %(after)s AND position <= %(until)s {conditions}
ORDER BY position + 0 {order}
LIMIT %(limit)s

-- name: page_by_index
-- As `page`, along one index whose last column is the position, for each value of the column before it. Compared and ordered
-- as a row, because Postgres would else prefer other indexes that give this order, and filter most of an album.
SELECT {columns}
FROM unnest(%(leads)s::{lead_type}[]) AS wanted (lead) CROSS JOIN LATERAL (
    SELECT * FROM album_event
    WHERE ({lead}, position) > (wanted.lead, %(after)s::bigint) AND ({lead}, position) <= (wanted.lead, %(until)s::bigint) {conditions}
    ORDER BY {lead} {order}, position {order}
    LIMIT %(limit)s
) AS event JOIN album USING (album_id)
ORDER BY position {order}
LIMIT %(limit)s

-- name: count_by_index
-- How many there are along this index, counted up to a limit.
SELECT count(*) FROM unnest(%(leads)s::{lead_type}[]) AS wanted (lead) CROSS JOIN LATERAL (
    SELECT FROM album_event
    WHERE ({lead}, position) > (wanted.lead, %(after)s::bigint) AND ({lead}, position) <= (wanted.lead, %(until)s::bigint)
        AND album_id = %(album_id)s
    ORDER BY {lead}, position
    LIMIT 1000
) AS counted

-- name: columns
position, recorded_at, event_id, type, album.name, occurred_at, photo_id, generation, person_ids, batch_id, folder, camera,
    data

-- name: positions
-- Between which positions events were recorded then. A position is taken a moment before the time is, so the times have a
-- minute to spare.
SELECT
    (SELECT position FROM album_event
        WHERE album_id = %(album_id)s AND recorded_at < %(recorded_from)s::timestamptz
        ORDER BY recorded_at DESC LIMIT 1),
    (SELECT position FROM album_event
        WHERE album_id = %(album_id)s AND recorded_at >= %(recorded_before)s::timestamptz
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

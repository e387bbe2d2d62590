-- Statements of adapters/postgres/album_contents.py. %(name)s is a parameter.

-- name: photo_ids
-- With a result; and with faces that no photo with a result has.
(
    SELECT photo_id FROM photo
    WHERE album_id = %(album_id)s AND width IS NOT NULL AND bucket <> %(collection_bucket)s
        AND (%(after)s::uuid IS NULL OR photo_id > %(after)s::uuid)
    ORDER BY photo_id
    LIMIT %(limit)s
)
UNION
(
    SELECT DISTINCT photo_id FROM face
    WHERE album_id = %(album_id)s AND (%(after)s::uuid IS NULL OR photo_id > %(after)s::uuid)
        AND NOT EXISTS (
            SELECT FROM photo
            WHERE photo.photo_id = face.photo_id AND (width IS NOT NULL OR bucket = %(collection_bucket)s)
        )
    ORDER BY photo_id
    LIMIT %(limit)s
)
ORDER BY photo_id
LIMIT %(limit)s

-- name: photos
SELECT
    photo_id, bucket, name, generation, CASE WHEN width IS NOT NULL THEN pipeline_version END, bibs_read, bib_rules, bibs_revision
FROM photo WHERE photo_id = ANY (%(photo_ids)s::uuid[])

-- name: faces
SELECT photo_id, face_id, box_x, box_y, box_w, box_h, box_at_s FROM face
WHERE album_id = %(album_id)s AND photo_id = ANY (%(photo_ids)s::uuid[])
ORDER BY photo_id, face_id

-- name: withheld_faces
SELECT photo_id, face_number, box_x, box_y, box_w, box_h, box_at_s FROM withheld_face
WHERE photo_id = ANY (%(photo_ids)s::uuid[])
ORDER BY photo_id, face_number

-- name: depictions
SELECT photo_id, embedding_space.name FROM depiction JOIN embedding_space USING (space_id)
WHERE album_id = %(album_id)s AND photo_id = ANY (%(photo_ids)s::uuid[])

-- name: bibs
SELECT photo_id, number, ocr_score, partial, box_x, box_y, box_w, box_h, box_at_s, face_id, by_hand FROM bib
WHERE photo_id = ANY (%(photo_ids)s::uuid[])
ORDER BY photo_id, bib_index

-- name: erased_photos
SELECT photo_id, max(generation) FROM erased_photo WHERE photo_id = ANY (%(photo_ids)s::uuid[]) GROUP BY photo_id

-- name: erased_faces
SELECT face_id, photo_id, generation, box_x, box_y, box_w, box_h, box_at_s, bibs FROM erased_face
WHERE photo_id = ANY (%(photo_ids)s::uuid[])
ORDER BY photo_id, face_id

-- name: removed_originals
SELECT photo_id, generation FROM removed_original WHERE photo_id = ANY (%(photo_ids)s::uuid[])

-- name: events
SELECT photo_id, event_id, type, generation, position, occurred_at FROM album_event
WHERE photo_id = ANY (%(photo_ids)s::uuid[])
    AND type IN ('photo.queued', 'face.indexed', 'photo.done', 'photo.rejected', 'photo.failed')
ORDER BY position

-- name: oldest_event
SELECT occurred_at FROM album_event ORDER BY position LIMIT 1

-- name: set_generation
-- Whatever it was: see `lock_photo` in face_index.sql for the guard that this goes round.
UPDATE photo SET generation = %(generation)s WHERE photo_id = %(photo_id)s

-- name: remove_repeated_events
DELETE FROM album_event AS repeated
WHERE photo_id = %(photo_id)s AND EXISTS (
    SELECT FROM album_event AS earlier
    WHERE earlier.photo_id = %(photo_id)s AND earlier.event_id = repeated.event_id AND earlier.position < repeated.position
)

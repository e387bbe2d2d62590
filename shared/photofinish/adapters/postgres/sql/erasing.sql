-- Statements of adapters/postgres/erasing/. %(name)s is a parameter; {name} is inserted into the text.

-- name: unfinished_of
SELECT erasure_id FROM erasure
WHERE kind = %(kind)s AND album = %(album)s AND target_id = %(target_id)s AND finished_at IS NULL
    AND (%(generation)s::bigint IS NULL OR generation = %(generation)s) AND with_originals = %(with_originals)s
    AND with_faces = %(with_faces)s
ORDER BY started_at LIMIT 1

-- name: covering
-- The latest erasure of this version of a photo, or of a newer one.
SELECT erasure_id FROM erasure
WHERE kind = 'photo' AND album = %(album)s AND target_id = %(target_id)s AND generation >= %(generation)s
    AND with_originals >= %(with_originals)s
ORDER BY started_at DESC LIMIT 1

-- name: lock_album
-- Waits until the photos that are being written are written: those that come later meet the tombstones. See `rules_in_use`
-- in bibs.sql.
SELECT pg_advisory_xact_lock(707804, %(album_id)s)

-- name: try_lock
SELECT pg_try_advisory_xact_lock(707806, hashtext(%(erasure_id)s))

-- name: begin
INSERT INTO erasure (
    erasure_id, kind, album, target_id, generation, with_originals, with_faces, face_ids, reason, object_name, started_at
) VALUES (
    %(erasure_id)s, %(kind)s, %(album)s, %(target_id)s, %(generation)s, %(with_originals)s, %(with_faces)s,
    %(face_ids)s, %(reason)s, %(object_name)s, coalesce(%(started_at)s, clock_timestamp())
)

-- name: lock_photo
SELECT generation, name FROM photo
WHERE album_id = %(album_id)s AND photo_id = %(photo_id)s
FOR UPDATE

-- name: people
SELECT person_id FROM person JOIN album USING (album_id) WHERE album.name = %(album)s

-- name: has_person
SELECT EXISTS (SELECT FROM person WHERE album_id = %(album_id)s AND person_id = %(person_id)s)

-- name: bury_photos
INSERT INTO erased_photo (erasure_id, photo_id, generation)
SELECT %(erasure_id)s, photo_id, generation
FROM unnest(%(photo_ids)s::uuid[], %(generations)s::bigint[]) AS given (photo_id, generation)
ON CONFLICT (photo_id, erasure_id) DO UPDATE SET generation = greatest(erased_photo.generation, excluded.generation)

-- name: bury_album
INSERT INTO erased_photo (erasure_id, photo_id, generation)
SELECT %(erasure_id)s, photo_id, generation FROM photo WHERE album_id = %(album_id)s AND bucket <> %(collection_bucket)s

-- name: bury_faces
INSERT INTO erased_face (erasure_id, face_id, photo_id, generation, box_x, box_y, box_w, box_h, box_at_s, bibs)
VALUES (
    %(erasure_id)s, %(face_id)s, %(photo_id)s, %(generation)s, %(box_x)s, %(box_y)s, %(box_w)s, %(box_h)s, %(box_at_s)s,
    %(bibs)s
)
ON CONFLICT (photo_id, face_id, erasure_id) DO NOTHING

-- name: drop_places
-- A photo that is erased as a whole needs no places of faces.
DELETE FROM erased_face
USING unnest(%(photo_ids)s::uuid[], %(generations)s::bigint[]) AS given (photo_id, generation)
WHERE erased_face.photo_id = given.photo_id AND erased_face.generation <= given.generation

-- name: known_versions
-- Photos of which the database has these versions, or older ones.
SELECT photo.photo_id
FROM photo JOIN unnest(%(photo_ids)s::uuid[], %(generations)s::bigint[]) AS given (photo_id, generation)
    ON given.photo_id = photo.photo_id AND photo.generation <= given.generation
WHERE album_id = %(album_id)s

-- name: faces_of_photos
SELECT face_id FROM face WHERE album_id = %(album_id)s AND photo_id = ANY (%(photo_ids)s::uuid[])

-- name: faces_of_person
SELECT face_id FROM person_face WHERE album_id = %(album_id)s AND person_id = %(person_id)s

-- name: faces
-- Of these faces those that the album has, with the version of their photo.
SELECT
    face.face_id, face.photo_id, photo.generation, photo.bucket,
    face.box_x, face.box_y, face.box_w, face.box_h, face.box_at_s
FROM face JOIN photo USING (photo_id)
WHERE face.album_id = %(album_id)s AND face.face_id = ANY (%(face_ids)s::uuid[])
ORDER BY face.photo_id, face.face_id

-- name: people_with
SELECT DISTINCT person_id FROM person_face
WHERE album_id = %(album_id)s AND (
    face_id = ANY (%(face_ids)s::uuid[]) OR photo_id = ANY (%(photo_ids)s::uuid[])
)

-- name: take_out_of_journal
-- Nothing of these faces and photos can be undone any more.
UPDATE people_operation
SET changes = (
    SELECT coalesce(jsonb_agg(change ORDER BY place), '[]')
    FROM jsonb_array_elements(changes) WITH ORDINALITY AS every (change, place)
    WHERE NOT (coalesce(change->'after'->>'face_id', change->'before'->>'face_id', '') = ANY (%(face_ids)s::text[])
        OR coalesce(change->'after'->>'photo_id', change->'before'->>'photo_id', '') = ANY (%(dashed_photo_ids)s::text[]))
)
WHERE album_id = %(album_id)s AND changes IS NOT NULL AND EXISTS (
    SELECT FROM jsonb_array_elements(changes) AS change
    WHERE coalesce(change->'after'->>'face_id', change->'before'->>'face_id', '') = ANY (%(face_ids)s::text[])
        OR coalesce(change->'after'->>'photo_id', change->'before'->>'photo_id', '') = ANY (%(dashed_photo_ids)s::text[])
)

-- name: forget_person
UPDATE people_operation SET changes = NULL
WHERE album_id = %(album_id)s AND changes IS NOT NULL AND %(person_id)s = ANY (person_ids)

-- name: record_deletion
INSERT INTO people_operation (album_id, kind, done_by, person_ids, changes, undoes)
VALUES (%(album_id)s, 'delete', 'erasure', ARRAY[%(person_id)s], NULL, NULL)

-- name: drop_collection_photos
-- A face that came through the Rekognition API is the only one of its photo entry.
DELETE FROM photo
WHERE album_id = %(album_id)s AND photo_id = ANY (%(photo_ids)s::uuid[]) AND bucket = %(collection_bucket)s

-- name: describe_lines
UPDATE photo SET lines = %(lines)s, words = %(words)s WHERE photo_id = %(photo_id)s

-- name: lines
SELECT lines FROM photo WHERE photo_id = %(photo_id)s

-- name: corrections
SELECT operation_id, correction FROM bib_operation WHERE photo_id = %(photo_id)s

-- name: drop_corrections
DELETE FROM bib_operation WHERE operation_id = ANY (%(operation_ids)s)

-- name: lock_faces
-- A partition cannot be dropped while its parent is in use; concurrent statements wait no longer than this.
SET LOCAL lock_timeout = {timeout_ms};
LOCK TABLE face, depiction IN ACCESS EXCLUSIVE MODE

-- name: photos
SELECT photo_id, generation FROM erased_photo WHERE erasure_id = %(erasure_id)s ORDER BY photo_id

-- name: erased_faces
SELECT face_id, photo_id, generation, box_x, box_y, box_w, box_h, box_at_s, bibs FROM erased_face
WHERE erasure_id = %(erasure_id)s
ORDER BY photo_id, face_id

-- name: object_name
SELECT object_name FROM erasure WHERE erasure_id = %(erasure_id)s

-- name: lock_removed
SELECT removed FROM erasure WHERE erasure_id = %(erasure_id)s FOR UPDATE

-- name: set_removed
UPDATE erasure SET removed = %(removed)s WHERE erasure_id = %(erasure_id)s

-- name: finish
UPDATE erasure SET finished_at = coalesce(finished_at, %(at)s), object_name = NULL, removed = %(removed)s
WHERE erasure_id = %(erasure_id)s

-- name: unfinished_of_photo
-- The oldest erasure of this version of a photo that is not finished, and will not be before this transaction ends.
SELECT erasure.erasure_id FROM erased_photo JOIN erasure USING (erasure_id)
WHERE photo_id = %(photo_id)s AND erased_photo.generation >= %(generation)s AND finished_at IS NULL
ORDER BY started_at LIMIT 1
FOR UPDATE OF erasure

-- name: note_objects
INSERT INTO erasure_object (erasure_id, bucket, name, generation)
SELECT %(erasure_id)s, %(bucket)s, name, generation
FROM unnest(%(names)s::text[], %(generations)s::bigint[]) AS given (name, generation)
ON CONFLICT DO NOTHING

-- name: drop_objects
DELETE FROM erasure_object WHERE erasure_id = %(erasure_id)s

-- name: get
SELECT
    erasure_id, kind, album, target_id, generation, with_originals, with_faces, face_ids, reason, started_at, finished_at,
    removed,
    (
        SELECT coalesce(jsonb_object_agg(bucket, counts), '{}') FROM (
            SELECT bucket, jsonb_build_object('objects', count(DISTINCT name), 'versions', count(*)) AS counts
            FROM erasure_object WHERE erasure_object.erasure_id = erasure.erasure_id GROUP BY bucket
        ) AS of_bucket
    ) AS objects
FROM erasure WHERE erasure_id = %(erasure_id)s

-- name: unfinished
SELECT erasure_id FROM erasure WHERE finished_at IS NULL ORDER BY started_at

-- name: all_ids
SELECT erasure_id FROM erasure ORDER BY started_at

-- name: is_photo_erased
SELECT EXISTS (SELECT FROM erased_photo WHERE photo_id = %(photo_id)s AND generation >= %(generation)s)

-- name: erased_parts
-- Of exactly these versions.
SELECT face_id, erased_face.photo_id, erased_face.generation, box_x, box_y, box_w, box_h, box_at_s, bibs
FROM erased_face JOIN unnest(%(photo_ids)s::uuid[], %(generations)s::bigint[]) AS given (photo_id, generation)
    ON given.photo_id = erased_face.photo_id AND given.generation = erased_face.generation

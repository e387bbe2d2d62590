-- Statements of adapters/postgres/faces.py. %(name)s is a parameter; {name} is inserted into the text, where SQL allows no
-- parameter: a number, or an identifier made of numbers.

-- name: has_album
SELECT EXISTS (
    SELECT FROM photo JOIN album USING (album_id) WHERE album.name = %(album)s AND photo.pipeline_version IS NOT NULL
)

-- name: tables_and_indexes
-- Reads the catalogue's table: to_regclass may use a cache without what other transactions have just created.
SELECT relname FROM pg_class WHERE relname = ANY (%(names)s) AND pg_table_is_visible(oid)

-- name: lock_partitions
-- The number is arbitrary; nothing else in this database locks it.
SELECT pg_advisory_xact_lock(7078010220)

-- name: create_partition
SELECT create_face_partition(%(album_id)s)

-- name: create_space_index
SELECT create_face_space_index(%(album_id)s, %(space_id)s::smallint, %(dimension)s::smallint)

-- name: count_faces
-- Counts no further than %(count)s.
SELECT count(*) FROM (
    SELECT FROM face WHERE album_id = {album_id} AND space_id = {space_id} LIMIT %(count)s
) AS counted

-- name: lock_photo
-- Locks the photo's row until the transaction ends; returns no row if a newer generation is recorded.
INSERT INTO photo (photo_id, album_id, bucket, name, generation, folder)
VALUES (%(photo_id)s, %(album_id)s, %(bucket)s, %(name)s, %(generation)s, %(folder)s)
ON CONFLICT (photo_id) DO UPDATE SET generation = excluded.generation
WHERE photo.generation <= excluded.generation
RETURNING photo_id

-- name: lock_shifts
-- See camera_clocks.sql.
SELECT pg_advisory_xact_lock_shared(1733842, %(album_id)s)

-- name: describe_photo
UPDATE photo
SET pipeline_version = %(pipeline_version)s, taken_at = %(taken_at)s, camera = %(camera)s, lines = %(lines)s,
    corrected_at = %(taken_at)s::timestamp + coalesce(
        (SELECT shift FROM camera_shift WHERE album_id = %(album_id)s AND camera = %(camera)s), interval '0'
    ),
    words = %(words)s, sharpness = %(sharpness)s, width = %(width)s, height = %(height)s,
    placeholder = %(placeholder)s, perceptual_hash = %(perceptual_hash)s,
    duration_s = %(duration_s)s, scene_starts = %(scene_starts)s
WHERE photo_id = %(photo_id)s

-- name: clear_photo
-- pipeline_version stays: it shows that the album was used.
UPDATE photo
SET taken_at = NULL, corrected_at = NULL, camera = NULL, lines = '{}', words = '', sharpness = NULL, width = NULL, height = NULL,
    bibs_read = '[]', placeholder = NULL, perceptual_hash = NULL, duration_s = NULL, scene_starts = NULL
WHERE photo_id = %(photo_id)s

-- name: delete_faces
DELETE FROM face WHERE album_id = %(album_id)s AND photo_id = %(photo_id)s

-- name: delete_withheld_faces
DELETE FROM withheld_face WHERE photo_id = %(photo_id)s

-- name: delete_bibs
DELETE FROM bib WHERE photo_id = %(photo_id)s

-- name: delete_depiction
DELETE FROM depiction WHERE album_id = %(album_id)s AND photo_id = %(photo_id)s

-- name: insert_face
INSERT INTO face (
    album_id, face_id, photo_id, space_id, box_x, box_y, box_w, box_h, box_at_s, detection_score, sharpness, quality,
    embedding
) VALUES (
    %(album_id)s, %(face_id)s, %(photo_id)s, %(space_id)s, %(box_x)s, %(box_y)s, %(box_w)s, %(box_h)s, %(box_at_s)s,
    %(detection_score)s, %(sharpness)s, %(quality)s, %(embedding)s::halfvec
)

-- name: insert_withheld_face
INSERT INTO withheld_face (photo_id, face_number, album_id, box_x, box_y, box_w, box_h, box_at_s)
VALUES (%(photo_id)s, %(face_number)s, %(album_id)s, %(box_x)s, %(box_y)s, %(box_w)s, %(box_h)s, %(box_at_s)s)

-- name: embeddings
SELECT face.face_id, embedding_space.name, halfvec_send(face.embedding)
FROM face JOIN embedding_space USING (space_id)
WHERE face.album_id = {album_id} AND face.face_id = ANY (%(face_ids)s)

-- name: drop_partition
SELECT drop_face_partition(%(album_id)s), drop_depiction_partition(%(album_id)s)

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

-- name: describe_photo
UPDATE photo
SET pipeline_version = %(pipeline_version)s, taken_at = %(taken_at)s, camera = %(camera)s, lines = %(lines)s,
    words = %(words)s, sharpness = %(sharpness)s, width = %(width)s, height = %(height)s
WHERE photo_id = %(photo_id)s

-- name: clear_photo
-- pipeline_version stays: it shows that the album was used.
UPDATE photo
SET taken_at = NULL, camera = NULL, lines = '{{}}', words = '', sharpness = NULL, width = NULL, height = NULL
WHERE photo_id = %(photo_id)s

-- name: delete_faces
DELETE FROM face WHERE album_id = %(album_id)s AND photo_id = %(photo_id)s

-- name: delete_bibs
DELETE FROM bib WHERE photo_id = %(photo_id)s

-- name: insert_face
INSERT INTO face (
    album_id, face_id, photo_id, space_id, box_x, box_y, box_w, box_h, detection_score, sharpness, quality, embedding
) VALUES (
    %(album_id)s, %(face_id)s, %(photo_id)s, %(space_id)s, %(box_x)s, %(box_y)s, %(box_w)s, %(box_h)s,
    %(detection_score)s, %(sharpness)s, %(quality)s, %(embedding)s::halfvec
)

-- name: insert_bib
INSERT INTO bib (photo_id, bib_index, album_id, number, ocr_score, partial, box_x, box_y, box_w, box_h, face_id)
VALUES (
    %(photo_id)s, %(bib_index)s, %(album_id)s, %(number)s, %(ocr_score)s, %(partial)s,
    %(box_x)s, %(box_y)s, %(box_w)s, %(box_h)s, %(face_id)s
)

-- name: insert_bib_candidate
INSERT INTO bib_candidate (photo_id, bib_index, album_id, number, ocr_score)
VALUES (%(photo_id)s, %(bib_index)s, %(album_id)s, %(number)s, %(ocr_score)s)

-- name: embeddings
SELECT face.face_id, embedding_space.name, halfvec_send(face.embedding)
FROM face JOIN embedding_space USING (space_id)
WHERE face.album_id = {album_id} AND face.face_id = ANY (%(face_ids)s)

-- name: lock_faces
-- A partition cannot be dropped while its parent is in use; concurrent statements wait no longer than this.
SET LOCAL lock_timeout = {timeout_ms};
LOCK TABLE face IN ACCESS EXCLUSIVE MODE

-- name: drop_partition
SELECT drop_face_partition(%(album_id)s)

-- name: delete_album
DELETE FROM photo WHERE album_id = {album_id};
DELETE FROM album_rules WHERE album_id = {album_id};
DELETE FROM entrant WHERE album_id = {album_id}

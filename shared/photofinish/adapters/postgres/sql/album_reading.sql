-- Statements of adapters/postgres/album_reading.py; face_index.sql explains %(name)s and {name}.

-- name: album_and_space
-- Null for what does not exist. The number of faces is the server's estimate, negative while it has none.
SELECT album_id, space_id, dimension, coalesce(reltuples, 0)
FROM (SELECT %(album)s::text AS name) AS requested
LEFT JOIN album USING (name)
LEFT JOIN embedding_space ON embedding_space.name = %(space)s
LEFT JOIN pg_class ON pg_class.relname = 'face_' || album_id AND pg_table_is_visible(pg_class.oid)

-- name: set_ef_search
SET LOCAL hnsw.ef_search = {ef_search}

-- name: photo_filter
-- A part of the statements below. A null is no condition; the planner removes it.
photo.album_id = {album_id} AND photo.width IS NOT NULL
    AND (%(taken_from)s::timestamp IS NULL OR photo.corrected_at >= %(taken_from)s)
    AND (%(taken_until)s::timestamp IS NULL OR photo.corrected_at <= %(taken_until)s)
    AND (%(camera)s::text IS NULL OR photo.camera = %(camera)s)
    AND (%(folder)s::text IS NULL OR photo.folder = %(folder)s OR starts_with(photo.folder, %(folder)s || '/'))
    AND photo.words LIKE ALL (%(patterns)s::text[])
    AND (%(only_photo_ids)s::uuid[] IS NULL OR photo.photo_id = ANY (%(only_photo_ids)s))

-- name: nearest_faces
SELECT
    face_id, photo_id, box_x, box_y, box_w, box_h, box_at_s, detection_score, sharpness, quality,
    halfvec_send(embedding)
FROM face AS found
WHERE album_id = {album_id} AND space_id = {space_id} AND {condition}
ORDER BY {distance}
LIMIT %(count)s

-- name: nearest_depictions
SELECT photo_id, labels, label_scores, halfvec_send(embedding)
FROM depiction AS found
WHERE album_id = {album_id} AND space_id = {space_id} AND {condition}
ORDER BY {distance}
LIMIT %(count)s

-- name: of_album
-- This and the next two are conditions of nearest_faces and nearest_depictions.
TRUE

-- name: of_matching_photos
-- The index scan goes on until enough of what it meets is of matching photos.
EXISTS (SELECT FROM photo WHERE photo.photo_id = found.photo_id AND {photo_filter})

-- name: of_photos
photo_id = ANY (%(photo_ids)s)

-- name: indexed_distance
-- This and the next are distances of nearest_faces and nearest_depictions. This one uses the HNSW index: its expression must equal this one, its
-- condition the one on the space.
embedding::halfvec({dimension}) <=> %(query)s::halfvec({dimension})

-- name: distance
-- Everything of the album that meets the condition is compared: no index has this expression.
embedding::vector <=> %(query)s::vector

-- name: matching_photos
SELECT photo_id FROM photo WHERE {photo_filter} LIMIT %(count)s

-- name: with_words
-- The condition on spellings is that of the index photo_spellings.
SELECT photo_id
FROM photo
WHERE {photo_filter} AND photo.words <> '' AND spellings(photo.words) && %(spellings)s::text[]
ORDER BY (SELECT count(*) FROM unnest(%(wanted)s::text[]) AS word WHERE word = ANY (string_to_array(
    translate(photo.words, E'\n', ' '), ' '))) DESC, photo_id
LIMIT %(count)s

-- name: bibs
SELECT
    bib.photo_id, reading.number, bib.number, reading.ocr_score, bib.partial, bib.by_hand,
    bib.box_x, bib.box_y, bib.box_w, bib.box_h, bib.box_at_s, bib.face_id,
    face.box_x, face.box_y, face.box_w, face.box_h, face.box_at_s
FROM (
    SELECT photo_id, bib_index, number, ocr_score FROM bib
    WHERE album_id = {album_id} AND number = ANY (%(numbers)s)
    UNION ALL
    SELECT photo_id, bib_index, number, ocr_score FROM bib_candidate
    WHERE album_id = {album_id} AND number = ANY (%(numbers)s)
) AS reading
JOIN bib USING (photo_id, bib_index)
JOIN photo USING (photo_id)
LEFT JOIN face ON face.album_id = {album_id} AND face.face_id = bib.face_id
WHERE {photo_filter}
ORDER BY reading.ocr_score DESC, bib.photo_id, bib.bib_index
LIMIT %(count)s

-- name: photos
SELECT
    photo_id, bucket, name, generation, pipeline_version, taken_at, corrected_at, camera, lines, sharpness, width, height,
    placeholder, duration_s, scene_starts
FROM photo
WHERE photo_id = ANY (%(photo_ids)s) AND album_id = {album_id} AND width IS NOT NULL

-- name: sharpest
SELECT
    photo_id, bucket, name, generation, pipeline_version, taken_at, corrected_at, camera, lines, sharpness, width, height,
    placeholder, duration_s, scene_starts
FROM photo
WHERE {photo_filter}
ORDER BY sharpness DESC, photo_id
LIMIT %(count)s

-- name: shots
-- The best face by what face_value of domain/burst.py says.
SELECT
    photo.photo_id, perceptual_hash, corrected_at, camera, folder, photo.sharpness,
    coalesce(max(face.quality * least(1, greatest(0, face.box_h) / %(large_face)s::real)), 0)
FROM photo LEFT JOIN face ON face.album_id = {album_id} AND face.photo_id = photo.photo_id
WHERE {photo_filter} AND (%(photo_ids)s::uuid[] IS NULL OR photo.photo_id = ANY (%(photo_ids)s))
GROUP BY photo.photo_id

-- name: entrants
SELECT number, name FROM entrant
WHERE album_id = {album_id} AND words LIKE ALL (%(patterns)s::text[])
    AND (%(max_chars)s::int IS NULL OR char_length(words) <= %(max_chars)s)
ORDER BY number

-- Statements of adapters/postgres/people/{transactions,lookup,lifecycle,people}.py. %(name)s is a value, sent apart from the
-- statement; {name} is an identifier or a list of columns, inserted into the text.

-- name: lock_people
-- One change of an album's people at a time: the row is locked until the transaction ends.
INSERT INTO album_clustering (album_id, requested, people_changes) VALUES (%(album_id)s, 1, 1)
ON CONFLICT (album_id) DO UPDATE
SET requested = album_clustering.requested + 1, people_changes = album_clustering.people_changes + 1

-- name: person_columns
-- As `person_of_row` reads them: a person with the counts of their faces, confirmed faces and accepted pictures.
person.person_id, name, user_id, created_at,
(SELECT count(*) FROM person_face WHERE person_face.person_id = person.person_id),
(SELECT count(*) FROM person_face WHERE person_face.person_id = person.person_id AND source = 'confirmed'),
(SELECT count(*) FROM enrolment WHERE enrolment.person_id = person.person_id AND status = 'accepted')

-- name: people
SELECT {columns}
FROM person
WHERE album_id = %(album_id)s AND person_id = ANY (%(person_ids)s)

-- name: list_people
-- By falling number of faces, then id.
WITH counted AS (
    SELECT person_id, count(*) AS faces FROM person_face WHERE album_id = %(album_id)s GROUP BY person_id
)
SELECT {columns}
FROM person
LEFT JOIN counted ON counted.person_id = person.person_id
WHERE album_id = %(album_id)s AND (%(named)s::boolean IS NULL OR %(named)s = (name IS NOT NULL)) AND (
    %(after)s::uuid IS NULL OR (-coalesce(faces, 0), person.person_id) > (
        SELECT -count(*), %(after)s::uuid FROM person_face WHERE person_face.person_id = %(after)s::uuid
    )
)
ORDER BY coalesce(faces, 0) DESC, person.person_id
LIMIT %(limit)s

-- name: count_people
SELECT
    count(*),
    count(*) FILTER (WHERE EXISTS (SELECT FROM person_face WHERE person_face.person_id = person.person_id)),
    (SELECT count(*) FROM person_face WHERE person_face.album_id = %(album_id)s)
FROM person
WHERE album_id = %(album_id)s

-- name: covers
-- The first face of each person in the order of `faces`. A face of a video has no picture of its own.
SELECT DISTINCT ON (person_face.person_id)
    person_face.person_id, face.face_id, photo.bucket, photo.name, photo.generation, photo.pipeline_version,
    photo.placeholder, face.box_x, face.box_y, face.box_w, face.box_h, face.box_at_s, face.quality
FROM person_face
JOIN face ON face.album_id = %(album_id)s AND face.face_id = person_face.face_id
JOIN photo ON photo.photo_id = face.photo_id
WHERE person_face.album_id = %(album_id)s AND person_face.person_id = ANY (%(person_ids)s)
ORDER BY
    person_face.person_id, source = 'confirmed' DESC, face.box_at_s IS NULL DESC, face.quality DESC, face.face_id

-- name: names
SELECT person_id, name FROM person WHERE album_id = %(album_id)s AND name IS NOT NULL ORDER BY lower(name), person_id

-- name: create_person
INSERT INTO person (person_id, album_id, name, user_id) VALUES (%(person_id)s, %(album_id)s, %(name)s, %(user_id)s)
ON CONFLICT (album_id, user_id) DO NOTHING
RETURNING person_id

-- name: rename_person
UPDATE person SET name = %(name)s WHERE person_id = %(person_id)s

-- name: project_album
INSERT INTO person_projection (person_id, album_id)
SELECT person_id, album_id FROM person WHERE album_id = %(album_id)s
ON CONFLICT (person_id) DO UPDATE SET revision = person_projection.revision + 1

-- name: faces
-- Confirmed ones first, those of photos before those of videos, then the best.
SELECT
    face.face_id, photo.bucket, photo.name, photo.generation,
    face.box_x, face.box_y, face.box_w, face.box_h, face.box_at_s, face.detection_score, face.sharpness, face.quality, person_face.source
FROM person_face
JOIN face ON face.album_id = %(album_id)s AND face.face_id = person_face.face_id
JOIN photo ON photo.photo_id = face.photo_id
WHERE person_face.person_id = %(person_id)s
ORDER BY source = 'confirmed' DESC, face.box_at_s IS NULL DESC, quality DESC, face.face_id
LIMIT %(limit)s OFFSET %(offset)s

-- name: rejected_faces
SELECT face_id FROM person_rejection WHERE person_id = %(person_id)s

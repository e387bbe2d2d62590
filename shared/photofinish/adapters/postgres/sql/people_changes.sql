-- Statements of adapters/postgres/people/changes.py.

-- name: keep_if_undecided
-- Where nobody decided on any face of the person, the rest of them stay together.
UPDATE person_face SET source = 'kept'
WHERE person_id = %(person_id)s AND source = 'clustered' AND NOT EXISTS (
    SELECT FROM person_face AS decided WHERE decided.person_id = %(person_id)s AND decided.source <> 'clustered'
)

-- name: contradictions
-- Decided faces of the one that the other refuses.
SELECT count(*) FROM person_rejection
JOIN person_face ON person_face.album_id = %(album_id)s AND person_face.face_id = person_rejection.face_id
WHERE person_face.source <> 'clustered' AND (
    (person_rejection.person_id = %(into)s AND person_face.person_id = %(other)s)
    OR (person_rejection.person_id = %(other)s AND person_face.person_id = %(into)s)
)

-- name: free_refused
-- Faces that only clustering gave to either, and the other refuses.
DELETE FROM person_face USING person_rejection
WHERE person_face.album_id = %(album_id)s AND person_face.face_id = person_rejection.face_id
    AND person_face.person_id IN (%(into)s, %(other)s) AND person_rejection.person_id IN (%(into)s, %(other)s)
    AND source = 'clustered'

-- name: move_faces
UPDATE person_face SET person_id = %(into)s WHERE person_id = %(other)s

-- name: move_rejections
INSERT INTO person_rejection (person_id, face_id, photo_id, box_x, box_y, box_w, box_h)
SELECT %(into)s, face_id, photo_id, box_x, box_y, box_w, box_h FROM person_rejection WHERE person_id = %(other)s
ON CONFLICT (person_id, face_id) DO NOTHING

-- name: move_numbers
INSERT INTO person_number (person_id, number, confirmed)
SELECT %(into)s, number, confirmed FROM person_number WHERE person_id = %(other)s
ON CONFLICT (person_id, number) DO NOTHING

-- name: move_uploads
UPDATE enrolment SET person_id = %(into)s WHERE person_id = %(other)s

-- name: take_over
-- In this order, because a user id is unique.
WITH gone AS (DELETE FROM person WHERE person_id = %(other)s RETURNING name, user_id)
SELECT name, user_id FROM gone

-- name: inherit
UPDATE person SET name = coalesce(name, %(name)s), user_id = coalesce(user_id, %(user_id)s) WHERE person_id = %(into)s

-- name: split_person
INSERT INTO person (person_id, album_id, name, found) VALUES (%(person_id)s, %(album_id)s, %(name)s, true)

-- name: split_faces
UPDATE person_face SET person_id = %(person_id)s, source = 'kept'
WHERE album_id = %(album_id)s AND person_id = %(from)s AND face_id = ANY (%(face_ids)s)

-- name: decide_number
INSERT INTO person_number (person_id, number, confirmed) VALUES (%(person_id)s, %(number)s, %(confirmed)s)
ON CONFLICT (person_id, number) DO UPDATE SET confirmed = excluded.confirmed

-- name: person_faces
-- Confirmed ones first, then the best.
SELECT
    face.face_id, photo.bucket, photo.name, photo.generation, face.box_x, face.box_y, face.box_w, face.box_h,
    face.detection_score, face.sharpness, face.quality, person_face.source
FROM person_face
JOIN face ON face.album_id = %(album_id)s AND face.face_id = person_face.face_id
JOIN photo ON photo.photo_id = face.photo_id
WHERE person_face.person_id = %(person_id)s
ORDER BY source = 'confirmed' DESC, quality DESC, face.face_id
LIMIT %(limit)s OFFSET %(offset)s

-- name: rejected
SELECT face_id FROM person_rejection WHERE person_id = %(person_id)s

-- name: owners
SELECT face_id, person_id, source FROM person_face WHERE album_id = %(album_id)s AND face_id = ANY (%(face_ids)s)

-- name: decided_numbers
SELECT person_id, number, confirmed FROM person_number
WHERE person_id = ANY (%(person_ids)s)

-- name: evidence_of_people
SELECT
    person_face.person_id, bib.number, bib.ocr_score, bib.partial, person_face.face_id,
    photo.bucket, photo.name, photo.generation, bib.box_x, bib.box_y, bib.box_w, bib.box_h
FROM person_face
JOIN bib ON bib.face_id = person_face.face_id
JOIN photo ON photo.photo_id = bib.photo_id
WHERE person_face.person_id = ANY (%(person_ids)s)

-- name: wearers
-- Everybody who may wear a number: what was decided of their numbers, their faces, and the numbers read beside those; a
-- row for each number, face or person. Whoever shares this number with them is among them, so its conflicts are seen.
SELECT
    wearer.person_id, decided.numbers, decided.confirmed,
    face.face_id, face.photo_id, face.box_x, face.box_y, face.box_w, face.box_h,
    bib.number, bib.ocr_score, bib.partial, photo.bucket, photo.name, photo.generation,
    bib.box_x, bib.box_y, bib.box_w, bib.box_h
FROM (
    SELECT person_face.person_id
    FROM bib
    JOIN person_face ON person_face.album_id = %(album_id)s AND person_face.face_id = bib.face_id
    WHERE bib.album_id = %(album_id)s AND bib.number = %(number)s
    UNION
    SELECT person_id FROM person_number JOIN person USING (person_id)
    WHERE person.album_id = %(album_id)s AND person_number.number = %(number)s AND confirmed
) AS wearer
LEFT JOIN LATERAL (
    SELECT array_agg(number ORDER BY number) AS numbers, array_agg(confirmed ORDER BY number) AS confirmed
    FROM person_number WHERE person_number.person_id = wearer.person_id
) AS decided ON true
LEFT JOIN person_face ON person_face.person_id = wearer.person_id
LEFT JOIN face ON face.album_id = %(album_id)s AND face.face_id = person_face.face_id
LEFT JOIN photo ON photo.photo_id = face.photo_id
LEFT JOIN bib ON bib.face_id = face.face_id

-- name: people_with_numbers
SELECT DISTINCT person_face.person_id
FROM bib
JOIN person_face ON person_face.album_id = %(album_id)s AND person_face.face_id = bib.face_id
WHERE bib.album_id = %(album_id)s AND bib.number = ANY (%(numbers)s)
UNION
SELECT person_id FROM person_number JOIN person USING (person_id)
WHERE person.album_id = %(album_id)s AND person_number.number = ANY (%(numbers)s) AND confirmed

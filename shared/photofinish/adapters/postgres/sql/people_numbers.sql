-- Statements of adapters/postgres/people/numbers.py.

-- name: decided_numbers
SELECT person_id, number, confirmed FROM person_number
WHERE person_id = ANY (%(person_ids)s)

-- name: evidence_of_people
SELECT
    person_face.person_id, bib.number, bib.ocr_score, bib.partial, person_face.face_id,
    photo.bucket, photo.name, photo.generation, bib.box_x, bib.box_y, bib.box_w, bib.box_h, bib.box_at_s
FROM person_face
JOIN bib ON bib.face_id = person_face.face_id
JOIN photo ON photo.photo_id = bib.photo_id
WHERE person_face.person_id = ANY (%(person_ids)s)

-- name: people_wearing
-- Everyone who may wear a number, with their decided numbers, their faces, and the numbers read beside those: one row per
-- number read, else per face, else per person. Everyone who shares the number is included, so its conflicts are found.
SELECT
    candidate.person_id, decided.numbers, decided.confirmed,
    face.face_id, face.photo_id, face.box_x, face.box_y, face.box_w, face.box_h, face.box_at_s,
    bib.number, bib.ocr_score, bib.partial, photo.bucket, photo.name, photo.generation,
    bib.box_x, bib.box_y, bib.box_w, bib.box_h, bib.box_at_s
FROM (
    SELECT person_face.person_id
    FROM bib
    JOIN person_face ON person_face.album_id = %(album_id)s AND person_face.face_id = bib.face_id
    WHERE bib.album_id = %(album_id)s AND bib.number = %(number)s
    UNION
    SELECT person_id FROM person_number JOIN person USING (person_id)
    WHERE person.album_id = %(album_id)s AND person_number.number = %(number)s AND confirmed
) AS candidate
LEFT JOIN LATERAL (
    SELECT array_agg(number ORDER BY number) AS numbers, array_agg(confirmed ORDER BY number) AS confirmed
    FROM person_number WHERE person_number.person_id = candidate.person_id
) AS decided ON true
LEFT JOIN person_face ON person_face.person_id = candidate.person_id
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

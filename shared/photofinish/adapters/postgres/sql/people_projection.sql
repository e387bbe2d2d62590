-- Statements of adapters/postgres/people/projection.py.

-- name: try_lock
-- The first number is ours alone; the lock ends with the transaction.
SELECT pg_try_advisory_xact_lock(707802, %(album_id)s)

-- name: pending
SELECT person_id, revision FROM person_projection WHERE album_id = %(album_id)s ORDER BY person_id LIMIT %(limit)s

-- name: pending_albums
SELECT DISTINCT album.name FROM person_projection JOIN album USING (album_id) ORDER BY album.name

-- name: done
DELETE FROM person_projection
USING unnest(%(person_ids)s::uuid[], %(revisions)s::bigint[]) AS written (person_id, revision)
WHERE person_projection.person_id = written.person_id AND person_projection.revision = written.revision

-- name: people
SELECT
    person_id, name, user_id, created_at,
    (SELECT count(*) FROM person_face WHERE person_face.person_id = person.person_id),
    (SELECT count(*) FROM person_face WHERE person_face.person_id = person.person_id AND source = 'confirmed'),
    (SELECT count(*) FROM enrolment WHERE enrolment.person_id = person.person_id AND status = 'accepted')
FROM person
WHERE album_id = %(album_id)s AND person_id = ANY (%(person_ids)s)

-- name: faces
-- The best faces of each: confirmed ones first.
SELECT person_id, face_id, bucket, name, generation, box_x, box_y, box_w, box_h, quality
FROM (
    SELECT
        person_face.person_id, face.face_id, photo.bucket, photo.name, photo.generation, face.box_x, face.box_y,
        face.box_w, face.box_h, face.quality,
        row_number() OVER (
            PARTITION BY person_face.person_id ORDER BY source = 'confirmed' DESC, face.quality DESC, face.face_id
        ) AS rank
    FROM person_face
    JOIN face ON face.album_id = %(album_id)s AND face.face_id = person_face.face_id
    JOIN photo ON photo.photo_id = face.photo_id
    WHERE person_face.person_id = ANY (%(person_ids)s)
) AS ranked
WHERE rank <= %(limit)s
ORDER BY person_id, rank

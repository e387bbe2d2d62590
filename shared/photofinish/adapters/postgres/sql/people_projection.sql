-- Statements of adapters/postgres/people/projection.py.

-- name: try_lock
-- The first number identifies this kind of lock; the lock ends with the transaction.
SELECT pg_try_advisory_xact_lock(707802, %(album_id)s)

-- name: mark_outdated
INSERT INTO person_projection (person_id, album_id)
SELECT unnest(%(person_ids)s::uuid[]), %(album_id)s
ON CONFLICT (person_id) DO UPDATE SET revision = person_projection.revision + 1

-- name: pending
SELECT person_id, revision FROM person_projection WHERE album_id = %(album_id)s ORDER BY person_id LIMIT %(limit)s

-- name: pending_albums
SELECT DISTINCT album.name FROM person_projection JOIN album USING (album_id) ORDER BY album.name

-- name: done
DELETE FROM person_projection
USING unnest(%(person_ids)s::uuid[], %(revisions)s::bigint[]) AS written (person_id, revision)
WHERE person_projection.person_id = written.person_id AND person_projection.revision = written.revision

-- name: faces
-- The best faces of each person, confirmed ones first.
SELECT person_id, face_id, bucket, name, generation, box_x, box_y, box_w, box_h, box_at_s, quality
FROM (
    SELECT
        person_face.person_id, face.face_id, photo.bucket, photo.name, photo.generation, face.box_x, face.box_y,
        face.box_w, face.box_h, face.box_at_s, face.quality,
        row_number() OVER (
            PARTITION BY person_face.person_id
            ORDER BY source = 'confirmed' DESC, face.box_at_s IS NULL DESC, face.quality DESC, face.face_id
        ) AS rank
    FROM person_face
    JOIN face ON face.album_id = %(album_id)s AND face.face_id = person_face.face_id
    JOIN photo ON photo.photo_id = face.photo_id
    WHERE person_face.person_id = ANY (%(person_ids)s)
) AS ranked
WHERE rank <= %(limit)s
ORDER BY person_id, rank

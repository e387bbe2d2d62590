-- Statements of adapters/postgres/people/clusters.py.

-- name: request
INSERT INTO album_clustering (album_id, requested) VALUES (%(album_id)s, 1)
ON CONFLICT (album_id) DO UPDATE SET requested = album_clustering.requested + 1

-- name: waiting
SELECT album.name FROM album_clustering JOIN album USING (album_id) WHERE requested > handled ORDER BY ran_at NULLS FIRST

-- name: changed_since_full
SELECT album.name FROM album_clustering JOIN album USING (album_id)
WHERE full_at IS NULL OR ran_at > full_at ORDER BY full_at NULLS FIRST

-- name: state
SELECT requested, handled, people_changes, ran_at, full_at, faces, summary
FROM album_clustering WHERE album_id = %(album_id)s

-- name: try_lock
-- The first number identifies this kind of lock; the lock ends with the transaction.
SELECT pg_try_advisory_xact_lock(707801, %(album_id)s)

-- name: faces
SELECT
    face.face_id, face.photo_id, embedding_space.name, face.quality, person_face.person_id, person_face.source,
    halfvec_send(face.embedding)
FROM face
JOIN embedding_space USING (space_id)
LEFT JOIN person_face ON person_face.album_id = %(album_id)s AND person_face.face_id = face.face_id
WHERE face.album_id = %(album_id)s
ORDER BY face.face_id

-- name: enrolled
SELECT enrolment.person_id, embedding_space.name, quality, halfvec_send(embedding)
FROM person_embedding
JOIN enrolment USING (upload_id)
JOIN person ON person.person_id = enrolment.person_id
JOIN embedding_space USING (space_id)
WHERE person.album_id = %(album_id)s AND status = 'accepted'
ORDER BY upload_id

-- name: rejected
SELECT person_rejection.person_id, face_id FROM person_rejection
JOIN person USING (person_id)
WHERE album_id = %(album_id)s

-- name: lost_decisions
-- Decided faces that the album does not have any more, each with the face at the same position in the photo's new analysis.
SELECT DISTINCT ON (decided.table_name, decided.person_id, decided.face_id)
    decided.table_name, decided.person_id, decided.face_id, decided.source, face.face_id, embedding_space.name,
    halfvec_send(face.embedding)
FROM (
    SELECT 'person_face' AS table_name, person_id, face_id, source, photo_id, box_x, box_y, box_w, box_h, box_at_s
    FROM person_face WHERE album_id = %(album_id)s AND source <> 'clustered'
    UNION ALL
    SELECT 'person_rejection', person_id, face_id, NULL, photo_id, person_rejection.box_x, person_rejection.box_y,
        person_rejection.box_w, person_rejection.box_h, person_rejection.box_at_s
    FROM person_rejection JOIN person USING (person_id) WHERE album_id = %(album_id)s
) AS decided
JOIN face ON face.album_id = %(album_id)s AND face.photo_id = decided.photo_id
JOIN embedding_space USING (space_id)
CROSS JOIN LATERAL (
    SELECT
        greatest(0, least(decided.box_x + decided.box_w, face.box_x + face.box_w) - greatest(decided.box_x, face.box_x))
        * greatest(0, least(decided.box_y + decided.box_h, face.box_y + face.box_h) - greatest(decided.box_y, face.box_y))
        AS shared
) AS overlap
WHERE NOT EXISTS (SELECT FROM face AS old WHERE old.album_id = %(album_id)s AND old.face_id = decided.face_id)
    AND shared >= 0.5 * (decided.box_w * decided.box_h + face.box_w * face.box_h - shared)
    AND (
        (decided.box_at_s IS NULL AND face.box_at_s IS NULL)
        OR abs(decided.box_at_s - face.box_at_s) <= %(same_moment_s)s
    )
ORDER BY decided.table_name, decided.person_id, decided.face_id, shared DESC, face.face_id

-- name: drop_lost
WITH faces AS (
    DELETE FROM person_face WHERE album_id = %(album_id)s AND NOT EXISTS (
        SELECT FROM face WHERE face.album_id = %(album_id)s AND face.face_id = person_face.face_id
    )
    RETURNING person_id
), rejections AS (
    DELETE FROM person_rejection USING person
    WHERE person.person_id = person_rejection.person_id AND person.album_id = %(album_id)s AND NOT EXISTS (
        SELECT FROM face WHERE face.album_id = %(album_id)s AND face.face_id = person_rejection.face_id
    )
)
SELECT DISTINCT person_id FROM faces

-- name: move_face
INSERT INTO person_face (album_id, face_id, person_id, source, photo_id, box_x, box_y, box_w, box_h, box_at_s)
SELECT %(album_id)s, face_id, %(person_id)s, %(source)s, photo_id, box_x, box_y, box_w, box_h, box_at_s
FROM face WHERE album_id = %(album_id)s AND face_id = %(face_id)s
ON CONFLICT (album_id, face_id) DO UPDATE SET person_id = excluded.person_id, source = excluded.source
WHERE person_face.source = 'clustered'

-- name: lock_state
SELECT people_changes FROM album_clustering WHERE album_id = %(album_id)s FOR UPDATE

-- name: add_people
INSERT INTO person (person_id, album_id, found)
SELECT unnest(%(person_ids)s::uuid[]), %(album_id)s, true

-- name: assign_faces
INSERT INTO person_face (album_id, face_id, person_id, source, photo_id, box_x, box_y, box_w, box_h, box_at_s)
SELECT %(album_id)s, face.face_id, given.person_id, 'clustered', photo_id, box_x, box_y, box_w, box_h, box_at_s
FROM unnest(%(face_ids)s::uuid[], %(person_ids)s::uuid[]) AS given (face_id, person_id)
JOIN face ON face.album_id = %(album_id)s AND face.face_id = given.face_id
ON CONFLICT (album_id, face_id) DO UPDATE SET person_id = excluded.person_id
WHERE person_face.source = 'clustered'

-- name: unassign_faces
DELETE FROM person_face
WHERE album_id = %(album_id)s AND face_id = ANY (%(face_ids)s) AND source = 'clustered'

-- name: remove_empty
DELETE FROM person
WHERE album_id = %(album_id)s AND found AND name IS NULL AND user_id IS NULL
    AND NOT EXISTS (SELECT FROM person_face WHERE person_face.person_id = person.person_id)
    AND NOT EXISTS (SELECT FROM enrolment WHERE enrolment.person_id = person.person_id)
    AND NOT EXISTS (SELECT FROM person_number WHERE person_number.person_id = person.person_id)
    AND NOT EXISTS (SELECT FROM consent_record WHERE consent_record.person_id = person.person_id)
RETURNING person_id

-- name: finish
UPDATE album_clustering
SET handled = greatest(handled, %(handled)s), ran_at = now(), faces = %(faces)s, summary = %(summary)s,
    full_at = CASE WHEN %(full)s THEN now() ELSE full_at END
WHERE album_id = %(album_id)s

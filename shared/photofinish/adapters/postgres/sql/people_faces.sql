-- Statements of adapters/postgres/people/{faces,embeddings}.py.

-- name: owners
-- The requested faces that the album has, each with the person it is assigned to, if any.
SELECT face.face_id, person_face.person_id, person_face.source, person.user_id
FROM face
LEFT JOIN person_face ON person_face.album_id = %(album_id)s AND person_face.face_id = face.face_id
LEFT JOIN person ON person.person_id = person_face.person_id
WHERE face.album_id = %(album_id)s AND face.face_id = ANY (%(face_ids)s)

-- name: assign_faces
INSERT INTO person_face (album_id, face_id, person_id, source, photo_id, box_x, box_y, box_w, box_h, box_at_s)
SELECT %(album_id)s, face_id, %(person_id)s, %(source)s, photo_id, box_x, box_y, box_w, box_h, box_at_s
FROM face
WHERE album_id = %(album_id)s AND face_id = ANY (%(face_ids)s)
ON CONFLICT (album_id, face_id) DO UPDATE SET person_id = excluded.person_id, source = excluded.source

-- name: unassign_faces
DELETE FROM person_face
WHERE album_id = %(album_id)s AND person_id = %(person_id)s AND face_id = ANY (%(face_ids)s)

-- name: add_rejections
INSERT INTO person_rejection (person_id, face_id, photo_id, box_x, box_y, box_w, box_h, box_at_s)
SELECT %(person_id)s, face_id, photo_id, box_x, box_y, box_w, box_h, box_at_s
FROM face
WHERE album_id = %(album_id)s AND face_id = ANY (%(face_ids)s)
ON CONFLICT (person_id, face_id) DO NOTHING

-- name: remove_rejections
DELETE FROM person_rejection WHERE person_id = %(person_id)s AND face_id = ANY (%(face_ids)s)

-- name: keep_if_undecided
-- The remaining faces of a person without decided faces stay together.
UPDATE person_face SET source = 'kept'
WHERE person_id = %(person_id)s AND source = 'clustered' AND NOT EXISTS (
    SELECT FROM person_face AS decided WHERE decided.person_id = %(person_id)s AND decided.source <> 'clustered'
)

-- name: keep_faces
UPDATE person_face SET source = 'kept' WHERE person_id = ANY (%(person_ids)s) AND source = 'clustered'

-- name: assigned_embeddings
SELECT embedding_space.name, quality, halfvec_send(embedding)
FROM person_face
JOIN face ON face.album_id = %(album_id)s AND face.face_id = person_face.face_id
JOIN embedding_space USING (space_id)
WHERE person_face.person_id = %(person_id)s AND source = ANY (%(sources)s)
ORDER BY quality DESC, person_face.face_id
LIMIT %(limit)s

-- name: enrolled_embeddings
SELECT embedding_space.name, quality, halfvec_send(embedding)
FROM person_embedding
JOIN enrolment USING (upload_id)
JOIN embedding_space USING (space_id)
WHERE person_id = %(person_id)s AND status = 'accepted'
ORDER BY upload_id

-- name: face_embeddings
SELECT face_id, embedding_space.name, halfvec_send(embedding)
FROM face
JOIN embedding_space USING (space_id)
WHERE album_id = %(album_id)s AND face_id = ANY (%(face_ids)s)

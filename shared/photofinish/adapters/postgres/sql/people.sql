-- Statements of adapters/pg_people*.py. %(name)s is a value, sent apart from the statement; {name} is an identifier,
-- put into the text where SQL takes no parameters.

-- name: lock_people
-- One change of an album's people at a time: the row stays locked until the transaction ends.
INSERT INTO album_clustering (album_id, requested, people_changes) VALUES (%(album_id)s, 1, 1)
ON CONFLICT (album_id) DO UPDATE
SET requested = album_clustering.requested + 1, people_changes = album_clustering.people_changes + 1

-- name: person
SELECT
    person_id, name, user_id, created_at,
    (SELECT count(*) FROM person_face WHERE person_face.person_id = person.person_id),
    (SELECT count(*) FROM person_face WHERE person_face.person_id = person.person_id AND source = 'confirmed'),
    (SELECT count(*) FROM enrolment WHERE enrolment.person_id = person.person_id AND status = 'accepted')
FROM person
WHERE album_id = %(album_id)s AND person_id = %(person_id)s

-- name: person_of_user
SELECT person_id FROM person WHERE album_id = %(album_id)s AND user_id = %(user_id)s

-- name: people
WITH counted AS (
    SELECT person_id, count(*) AS faces, count(*) FILTER (WHERE source = 'confirmed') AS confirmed
    FROM person_face
    WHERE album_id = %(album_id)s
    GROUP BY person_id
), listed AS (
    SELECT
        person.person_id, name, user_id, created_at,
        coalesce(faces, 0) AS faces, coalesce(confirmed, 0) AS confirmed
    FROM person
    LEFT JOIN counted USING (person_id)
    WHERE album_id = %(album_id)s AND (%(named)s::boolean IS NULL OR %(named)s = (name IS NOT NULL))
)
SELECT
    person_id, name, user_id, created_at, faces, confirmed,
    (SELECT count(*) FROM enrolment WHERE enrolment.person_id = listed.person_id AND status = 'accepted')
FROM listed
WHERE %(after)s::uuid IS NULL
    OR (-faces, person_id) > (
        SELECT -count(*), %(after)s::uuid FROM person_face WHERE person_face.person_id = %(after)s::uuid
    )
ORDER BY faces DESC, person_id
LIMIT %(limit)s

-- name: users
SELECT
    person_id, name, user_id, created_at,
    (SELECT count(*) FROM person_face WHERE person_face.person_id = person.person_id),
    (SELECT count(*) FROM person_face WHERE person_face.person_id = person.person_id AND source = 'confirmed'),
    (SELECT count(*) FROM enrolment WHERE enrolment.person_id = person.person_id AND status = 'accepted')
FROM person
WHERE album_id = %(album_id)s AND user_id IS NOT NULL AND (%(after)s::text IS NULL OR user_id > %(after)s)
ORDER BY user_id
LIMIT %(limit)s

-- name: names
SELECT person_id, name FROM person WHERE album_id = %(album_id)s AND name IS NOT NULL ORDER BY lower(name), person_id

-- name: create_person
INSERT INTO person (person_id, album_id, name, user_id) VALUES (%(person_id)s, %(album_id)s, %(name)s, %(user_id)s)
ON CONFLICT (album_id, user_id) DO NOTHING
RETURNING person_id

-- name: rename_person
UPDATE person SET name = %(name)s WHERE album_id = %(album_id)s AND person_id = %(person_id)s RETURNING person_id

-- name: keep_faces
UPDATE person_face SET source = 'kept' WHERE person_id = ANY (%(person_ids)s) AND source = 'clustered'

-- name: delete_person
DELETE FROM person WHERE album_id = %(album_id)s AND person_id = %(person_id)s RETURNING person_id

-- name: forget_changes_of
UPDATE people_operation SET changes = NULL
WHERE album_id = %(album_id)s AND changes IS NOT NULL AND %(person_id)s = ANY (person_ids)

-- name: drop_people
-- In one statement, because several take no parameters.
WITH operations AS (DELETE FROM people_operation WHERE album_id = %(album_id)s),
    clusterings AS (DELETE FROM album_clustering WHERE album_id = %(album_id)s)
DELETE FROM person WHERE album_id = %(album_id)s

-- name: project_album
INSERT INTO person_projection (person_id, album_id)
SELECT person_id, album_id FROM person WHERE album_id = %(album_id)s
ON CONFLICT (person_id) DO UPDATE SET revision = person_projection.revision + 1

-- name: project_people
INSERT INTO person_projection (person_id, album_id)
SELECT unnest(%(person_ids)s::uuid[]), %(album_id)s
ON CONFLICT (person_id) DO UPDATE SET revision = person_projection.revision + 1

-- name: enrolled_embeddings
SELECT embedding_space.name, quality, halfvec_send(embedding)
FROM person_embedding
JOIN enrolment USING (upload_id)
JOIN embedding_space USING (space_id)
WHERE person_id = %(person_id)s AND status = 'accepted'
ORDER BY upload_id

-- name: face_embeddings_of_person
SELECT embedding_space.name, quality, halfvec_send(embedding)
FROM person_face
JOIN face ON face.album_id = %(album_id)s AND face.face_id = person_face.face_id
JOIN embedding_space USING (space_id)
WHERE person_face.person_id = %(person_id)s AND source = ANY (%(sources)s)
ORDER BY quality DESC, person_face.face_id
LIMIT %(limit)s

-- name: faces
-- The album's faces among those asked for, and whose each is.
SELECT face.face_id, face.photo_id, face.box_x, face.box_y, face.box_w, face.box_h,
    person_face.person_id, person_face.source, person.user_id
FROM face
LEFT JOIN person_face ON person_face.album_id = %(album_id)s AND person_face.face_id = face.face_id
LEFT JOIN person ON person.person_id = person_face.person_id
WHERE face.album_id = %(album_id)s AND face.face_id = ANY (%(face_ids)s)

-- name: face_embeddings
SELECT face_id, embedding_space.name, halfvec_send(embedding)
FROM face
JOIN embedding_space USING (space_id)
WHERE album_id = %(album_id)s AND face_id = ANY (%(face_ids)s)

-- name: give_face
INSERT INTO person_face (album_id, face_id, person_id, source, photo_id, box_x, box_y, box_w, box_h)
SELECT %(album_id)s, face_id, %(person_id)s, %(source)s, photo_id, box_x, box_y, box_w, box_h
FROM face
WHERE album_id = %(album_id)s AND face_id = ANY (%(face_ids)s)
ON CONFLICT (album_id, face_id) DO UPDATE SET person_id = excluded.person_id, source = excluded.source

-- name: take_face
DELETE FROM person_face
WHERE album_id = %(album_id)s AND person_id = %(person_id)s AND face_id = ANY (%(face_ids)s)

-- name: reject_face
INSERT INTO person_rejection (person_id, face_id, photo_id, box_x, box_y, box_w, box_h)
SELECT %(person_id)s, face_id, photo_id, box_x, box_y, box_w, box_h
FROM face
WHERE album_id = %(album_id)s AND face_id = ANY (%(face_ids)s)
ON CONFLICT (person_id, face_id) DO NOTHING

-- name: lift_rejection
DELETE FROM person_rejection WHERE person_id = %(person_id)s AND face_id = ANY (%(face_ids)s)

-- name: user_faces
SELECT face_id
FROM person_face
JOIN person USING (person_id)
WHERE person.album_id = %(album_id)s AND user_id = %(user_id)s AND source = 'confirmed'
    AND EXISTS (SELECT FROM face WHERE face.album_id = %(album_id)s AND face.face_id = person_face.face_id)
ORDER BY face_id

-- name: users_of_faces
SELECT face_id, user_id
FROM person_face
JOIN person USING (person_id)
WHERE person_face.album_id = %(album_id)s AND face_id = ANY (%(face_ids)s) AND source = 'confirmed'
    AND user_id IS NOT NULL

-- name: nearest_users
-- By the plain mean of each user's faces; the best are scored again by the weighted one.
SELECT person_id
FROM person
JOIN person_face USING (person_id)
JOIN face ON face.album_id = %(album_id)s AND face.face_id = person_face.face_id
JOIN embedding_space USING (space_id)
WHERE person.album_id = %(album_id)s AND user_id IS NOT NULL AND user_id IS DISTINCT FROM %(without)s
    AND source = 'confirmed' AND embedding_space.name = %(space)s
GROUP BY person_id
ORDER BY avg(embedding)::vector <=> %(query)s::vector, person_id
LIMIT %(count)s

-- name: snapshot
-- What somebody's change may touch, row by row, as it is written into people_operation.
SELECT 'person', to_jsonb(person) FROM person WHERE person_id = ANY (%(person_ids)s)
UNION ALL
SELECT 'person_face', to_jsonb(person_face) FROM person_face
WHERE album_id = %(album_id)s AND (person_id = ANY (%(person_ids)s) OR face_id = ANY (%(face_ids)s))
UNION ALL
SELECT 'person_rejection', to_jsonb(person_rejection) FROM person_rejection WHERE person_id = ANY (%(person_ids)s)
UNION ALL
SELECT 'person_number', to_jsonb(person_number) FROM person_number WHERE person_id = ANY (%(person_ids)s)
UNION ALL
SELECT 'enrolment', jsonb_build_object('upload_id', upload_id, 'person_id', person_id)
FROM enrolment WHERE person_id = ANY (%(person_ids)s)

-- name: record_operation
INSERT INTO people_operation (album_id, kind, done_by, person_ids, changes, undoes)
VALUES (%(album_id)s, %(kind)s, %(by)s, %(person_ids)s, %(changes)s, %(undoes)s)
RETURNING operation_id

-- name: operation
SELECT kind, person_ids, changes, undone_by FROM people_operation
WHERE album_id = %(album_id)s AND operation_id = %(operation_id)s

-- name: operations
SELECT operation_id, kind, done_at, done_by, person_ids, changes IS NOT NULL, undoes, undone_by
FROM people_operation
WHERE album_id = %(album_id)s AND (%(before)s::bigint IS NULL OR operation_id < %(before)s)
ORDER BY operation_id DESC
LIMIT %(limit)s

-- name: newer_operations
SELECT operation_id, kind, changes FROM people_operation
WHERE album_id = %(album_id)s AND operation_id > %(operation_id)s AND undone_by IS NULL AND undoes IS NULL
    AND person_ids && %(person_ids)s::uuid[]
ORDER BY operation_id

-- name: mark_undone
UPDATE people_operation SET undone_by = %(undone_by)s WHERE operation_id = %(operation_id)s

-- name: expire_operations
DELETE FROM people_operation WHERE done_at < %(before)s

-- name: restore_faces
-- A face that clustering had given to somebody whom it found no more waits for the next clustering.
INSERT INTO person_face
SELECT back.* FROM jsonb_populate_recordset(NULL::person_face, %(rows)s) AS back
WHERE source <> 'clustered' OR EXISTS (SELECT FROM person WHERE person.person_id = back.person_id)

-- name: restore_rows
INSERT INTO {table} SELECT * FROM jsonb_populate_recordset(NULL::{table}, %(rows)s)

-- name: remove_people
DELETE FROM person WHERE person_id = ANY (%(person_ids)s)

-- name: remove_faces
DELETE FROM person_face WHERE album_id = %(album_id)s AND face_id = ANY (%(face_ids)s)

-- name: remove_rejections
DELETE FROM person_rejection
USING jsonb_to_recordset(%(rows)s) AS gone (person_id uuid, face_id uuid)
WHERE person_rejection.person_id = gone.person_id AND person_rejection.face_id = gone.face_id

-- name: remove_numbers
DELETE FROM person_number
USING jsonb_to_recordset(%(rows)s) AS gone (person_id uuid, number text)
WHERE person_number.person_id = gone.person_id AND person_number.number = gone.number

-- name: move_uploads
UPDATE enrolment SET person_id = moved.person_id
FROM jsonb_to_recordset(%(rows)s) AS moved (upload_id uuid, person_id uuid)
WHERE enrolment.upload_id = moved.upload_id

-- name: existing_faces
SELECT face_id FROM face WHERE album_id = %(album_id)s AND face_id = ANY (%(face_ids)s)

-- name: free_user_ids
UPDATE person SET user_id = NULL WHERE person_id = ANY (%(person_ids)s)

-- name: restore_people
-- People come before what refers to them; one that is there already is brought to the state told.
INSERT INTO person SELECT * FROM jsonb_populate_recordset(NULL::person, %(rows)s)
ON CONFLICT (person_id) DO UPDATE
SET name = excluded.name, user_id = excluded.user_id, found = excluded.found

-- name: depends_on_people
-- What somebody put into a person, and so would be lost with it.
SELECT EXISTS (SELECT FROM enrolment WHERE person_id = ANY (%(person_ids)s))
    OR EXISTS (SELECT FROM person_face WHERE person_id = ANY (%(person_ids)s) AND source <> 'clustered')
    OR EXISTS (SELECT FROM person_number WHERE person_id = ANY (%(person_ids)s))
    OR EXISTS (SELECT FROM person_rejection WHERE person_id = ANY (%(person_ids)s))

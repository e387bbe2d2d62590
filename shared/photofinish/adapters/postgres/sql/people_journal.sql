-- Statements of adapters/postgres/people/{journal,undo}.py.

-- name: snapshot
-- Every row that a change may touch, as people_operation stores it.
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
UNION ALL
SELECT 'consent_record', jsonb_build_object('consent_id', consent_id, 'person_id', person_id)
FROM consent_record WHERE person_id = ANY (%(person_ids)s)

-- name: record_operation
INSERT INTO people_operation (album_id, kind, done_by, person_ids, changes, undoes)
VALUES (%(album_id)s, %(kind)s, %(by)s, %(person_ids)s, %(changes)s, %(undoes)s)
RETURNING operation_id, done_at, (SELECT name FROM album WHERE album.album_id = people_operation.album_id)

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

-- name: existing_faces
SELECT face_id FROM face WHERE album_id = %(album_id)s AND face_id = ANY (%(face_ids)s)

-- name: free_user_ids
UPDATE person SET user_id = NULL WHERE person_id = ANY (%(person_ids)s)

-- name: restore_people
-- People before the rows that refer to them; an existing person is reset to the recorded state.
INSERT INTO person SELECT * FROM jsonb_populate_recordset(NULL::person, %(rows)s)
ON CONFLICT (person_id) DO UPDATE
SET name = excluded.name, user_id = excluded.user_id, found = excluded.found

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

-- name: restore_faces
-- A clustered face of a person who no longer exists stays unassigned until the next clustering.
INSERT INTO person_face
SELECT back.* FROM jsonb_populate_recordset(NULL::person_face, %(rows)s) AS back
WHERE source <> 'clustered' OR EXISTS (SELECT FROM person WHERE person.person_id = back.person_id)

-- name: restore_rows
INSERT INTO {table} SELECT * FROM jsonb_populate_recordset(NULL::{table}, %(rows)s)

-- name: move_uploads
UPDATE enrolment SET person_id = moved.person_id
FROM jsonb_to_recordset(%(rows)s) AS moved (upload_id uuid, person_id uuid)
WHERE enrolment.upload_id = moved.upload_id

-- name: move_consents
UPDATE consent_record SET person_id = moved.person_id
FROM jsonb_to_recordset(%(rows)s) AS moved (consent_id uuid, person_id uuid)
WHERE consent_record.consent_id = moved.consent_id

-- name: depends_on_people
-- Whether deleting these people would lose something that a user gave them.
SELECT EXISTS (SELECT FROM enrolment WHERE person_id = ANY (%(person_ids)s))
    OR EXISTS (SELECT FROM person_face WHERE person_id = ANY (%(person_ids)s) AND source <> 'clustered')
    OR EXISTS (SELECT FROM person_number WHERE person_id = ANY (%(person_ids)s))
    OR EXISTS (SELECT FROM person_rejection WHERE person_id = ANY (%(person_ids)s))
    OR EXISTS (SELECT FROM consent_record WHERE person_id = ANY (%(person_ids)s))

-- name: remove_people
DELETE FROM person WHERE person_id = ANY (%(person_ids)s)

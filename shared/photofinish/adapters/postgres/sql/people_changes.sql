-- Statements of adapters/postgres/people/changes.py.

-- name: contradictions
-- Decided faces of each person that were rejected for the other.
SELECT count(*) FROM person_rejection
JOIN person_face ON person_face.album_id = %(album_id)s AND person_face.face_id = person_rejection.face_id
WHERE person_face.source <> 'clustered' AND (
    (person_rejection.person_id = %(into)s AND person_face.person_id = %(other)s)
    OR (person_rejection.person_id = %(other)s AND person_face.person_id = %(into)s)
)

-- name: unassign_rejected
-- Clustered faces of either person that were rejected for one of them.
DELETE FROM person_face USING person_rejection
WHERE person_face.album_id = %(album_id)s AND person_face.face_id = person_rejection.face_id
    AND person_face.person_id IN (%(into)s, %(other)s) AND person_rejection.person_id IN (%(into)s, %(other)s)
    AND source = 'clustered'

-- name: move_faces
UPDATE person_face SET person_id = %(into)s WHERE person_id = %(other)s

-- name: move_rejections
INSERT INTO person_rejection (person_id, face_id, photo_id, box_x, box_y, box_w, box_h, box_at_s)
SELECT %(into)s, face_id, photo_id, box_x, box_y, box_w, box_h, box_at_s
FROM person_rejection WHERE person_id = %(other)s
ON CONFLICT (person_id, face_id) DO NOTHING

-- name: move_numbers
INSERT INTO person_number (person_id, number, confirmed)
SELECT %(into)s, number, confirmed FROM person_number WHERE person_id = %(other)s
ON CONFLICT (person_id, number) DO NOTHING

-- name: move_uploads
UPDATE enrolment SET person_id = %(into)s WHERE person_id = %(other)s

-- name: move_consents
-- The same statement recorded for both stays with each, and goes with the person that is merged.
UPDATE consent_record SET person_id = %(into)s
WHERE person_id = %(other)s AND NOT EXISTS (
    SELECT FROM consent_record AS same
    WHERE same.person_id = %(into)s AND same.purpose = consent_record.purpose AND same.at = consent_record.at
        AND same.action = consent_record.action
)

-- name: move_opt_outs
UPDATE opt_out SET person_id = %(into)s WHERE person_id = %(other)s

-- name: delete_merged
-- Deletes first, because a user id is unique: `inherit` passes it on.
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

-- Statements of adapters/postgres/consents.py and suppression.py; face_index.sql explains %(name)s and {name}.

-- name: lock_person
SELECT person_id FROM person WHERE album_id = %(album_id)s AND person_id = %(person_id)s FOR UPDATE

-- name: record
INSERT INTO consent_record (
    consent_id, person_id, action, purpose, at, method, text_version, is_minor, guardian, recorded_by
) VALUES (
    %(consent_id)s, %(person_id)s, %(action)s, %(purpose)s, %(at)s, %(method)s, %(text_version)s, %(is_minor)s,
    %(guardian)s, %(recorded_by)s
)
ON CONFLICT DO NOTHING

-- name: same_record
SELECT consent_id, person_id, action, purpose, at, method, text_version, is_minor, guardian, recorded_at, recorded_by
FROM consent_record
WHERE person_id = %(person_id)s AND purpose = %(purpose)s AND at = %(at)s AND action = %(action)s

-- name: records
SELECT consent_id, person_id, action, purpose, at, method, text_version, is_minor, guardian, recorded_at, recorded_by
FROM consent_record JOIN person USING (person_id)
WHERE album_id = %(album_id)s AND person_id = %(person_id)s
ORDER BY at, action, recorded_at

-- name: consenting
-- `counting` has of each enrolled person the record that counts; see domain/consent.py.
WITH counting AS (
    SELECT DISTINCT ON (person_id) person_id, action
    FROM consent_record JOIN person USING (person_id)
    WHERE album_id = %(album_id)s AND purpose = %(purpose)s
    ORDER BY person_id, at DESC, action DESC
), picture AS MATERIALIZED (
    SELECT enrolment.person_id, embedding
    FROM counting
    JOIN enrolment USING (person_id)
    JOIN person_embedding USING (upload_id)
    WHERE counting.action = 'given' AND status = 'accepted' AND space_id = %(space_id)s
)
SELECT (
    SELECT picture.person_id FROM picture
    WHERE 1 - (picture.embedding <=> asked.embedding::halfvec) >= %(min_similarity)s
    ORDER BY picture.embedding <=> asked.embedding::halfvec, picture.person_id
    LIMIT 1
)
FROM unnest(%(faces)s::text[]) WITH ORDINALITY AS asked (embedding, number)
ORDER BY number

-- name: add_opt_out
INSERT INTO opt_out (opt_out_id, album_id, person_id, source, templates, added_by)
VALUES (%(opt_out_id)s, %(album_id)s, %(person_id)s, %(source)s, %(templates)s, %(added_by)s)

-- name: add_template
INSERT INTO suppression_template (opt_out_id, space_id, min_similarity, embedding)
VALUES (%(opt_out_id)s, %(space_id)s, %(min_similarity)s, %(embedding)s::halfvec)

-- name: opt_out_columns
opt_out_id, album.name, source, person_id, templates, added_at, added_by, applied_at

-- name: opt_out
SELECT {columns} FROM opt_out LEFT JOIN album USING (album_id) WHERE opt_out_id = %(opt_out_id)s

-- name: opt_outs
SELECT {columns} FROM opt_out LEFT JOIN album USING (album_id)
WHERE opt_out.album_id IS NOT DISTINCT FROM %(album_id)s AND (
    %(after)s::uuid IS NULL
    OR (added_at, opt_out_id) > (SELECT added_at, opt_out_id FROM opt_out WHERE opt_out_id = %(after)s::uuid)
)
ORDER BY added_at, opt_out_id
LIMIT %(limit)s

-- name: opt_outs_of_person
SELECT {columns} FROM opt_out LEFT JOIN album USING (album_id)
WHERE opt_out.album_id = %(album_id)s AND person_id = %(person_id)s
ORDER BY added_at, opt_out_id

-- name: apply_again
UPDATE opt_out SET applied_at = NULL WHERE album_id = %(album_id)s AND person_id = %(person_id)s

-- name: remove_opt_outs_of_person
DELETE FROM opt_out WHERE album_id = %(album_id)s AND person_id = %(person_id)s

-- name: remove_opt_out
DELETE FROM opt_out WHERE opt_out_id = %(opt_out_id)s AND album_id IS NOT DISTINCT FROM %(album_id)s

-- name: suppressed
SELECT suppressed_faces(%(album_id)s, %(space_id)s::smallint, %(faces)s::text[]::halfvec[])

-- name: indexed_faces
SELECT indexed_suppressed_faces(%(opt_out_id)s, %(album_id)s) ORDER BY 1

-- name: applied
UPDATE opt_out SET applied_at = now() WHERE opt_out_id = %(opt_out_id)s AND applied_at IS NULL
RETURNING applied_at, album_id, (SELECT name FROM album WHERE album.album_id = opt_out.album_id)

-- name: remove_without_templates
DELETE FROM opt_out WHERE opt_out_id = %(opt_out_id)s AND templates = 0

-- name: not_applied
SELECT {columns} FROM opt_out LEFT JOIN album USING (album_id)
WHERE applied_at IS NULL
ORDER BY added_at, opt_out_id
LIMIT %(limit)s

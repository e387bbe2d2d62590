-- Statements of adapters/postgres/people/enrolments.py.

-- name: add_uploads
INSERT INTO enrolment (upload_id, person_id, status, expires_at)
SELECT unnest(%(upload_ids)s::uuid[]), %(person_id)s, 'waiting', %(expires_at)s

-- name: uploads
SELECT upload_id, person_id, status, code, message, expires_at FROM enrolment
WHERE person_id = %(person_id)s
ORDER BY created_at, upload_id

-- name: upload
-- One change of a person's uploads at a time: the person's row is locked until the transaction ends.
SELECT enrolment.upload_id, enrolment.person_id, status, code, message, expires_at
FROM enrolment
JOIN person ON person.person_id = enrolment.person_id
WHERE person.album_id = %(album_id)s AND enrolment.upload_id = %(upload_id)s
FOR UPDATE OF person

-- name: set_status
UPDATE enrolment SET status = %(status)s, code = %(code)s, message = %(message)s WHERE upload_id = %(upload_id)s

-- name: remove_upload
DELETE FROM enrolment USING person
WHERE enrolment.person_id = person.person_id AND person.album_id = %(album_id)s
    AND enrolment.person_id = %(person_id)s AND upload_id = %(upload_id)s
RETURNING upload_id

-- name: add_embedding
INSERT INTO person_embedding (upload_id, space_id, quality, embedding)
VALUES (%(upload_id)s, %(space_id)s, %(quality)s, %(embedding)s::halfvec)
ON CONFLICT (upload_id) DO NOTHING

-- name: embeddings
SELECT person_embedding.upload_id, embedding_space.name, quality, halfvec_send(embedding)
FROM person_embedding
JOIN enrolment USING (upload_id)
JOIN embedding_space USING (space_id)
WHERE person_id = %(person_id)s
ORDER BY upload_id

-- name: awaits_more
SELECT EXISTS (
    SELECT FROM enrolment WHERE person_id = %(person_id)s AND status = 'waiting' AND expires_at > now()
)

-- name: drop_refused
DELETE FROM person_embedding USING enrolment
WHERE enrolment.upload_id = person_embedding.upload_id AND person_id = %(person_id)s AND status = 'refused'

-- name: expire
-- Uploads that never came, and the embeddings of refused pictures that were kept because of them.
WITH late AS (
    UPDATE enrolment
    SET status = 'refused', code = 'not_uploaded', message = 'No picture was uploaded before its address expired.'
    WHERE status = 'waiting' AND expires_at < %(before)s
    RETURNING person_id
), settled AS (
    DELETE FROM person_embedding USING enrolment
    WHERE enrolment.upload_id = person_embedding.upload_id AND status = 'refused' AND NOT EXISTS (
        SELECT FROM enrolment AS other
        WHERE other.person_id = enrolment.person_id AND other.status = 'waiting' AND other.expires_at >= %(before)s
    )
)
SELECT count(*) FROM late

-- Statements of adapters/postgres/collections.py. %(name)s is a parameter; {album_id} is a number in the text, so that the
-- planner considers only the album's own partition of face.

-- name: create_collection
INSERT INTO collection (album_id, tags)
SELECT {album_id}, %(tags)s
WHERE NOT EXISTS (SELECT FROM photo WHERE album_id = {album_id} AND pipeline_version IS NOT NULL)
ON CONFLICT (album_id) DO NOTHING
RETURNING album_id

-- name: album_id
-- Only of an album that is a collection.
SELECT album_id FROM album
WHERE name = %(album)s AND (
    EXISTS (SELECT FROM collection WHERE collection.album_id = album.album_id)
    OR EXISTS (SELECT FROM photo WHERE photo.album_id = album.album_id AND photo.pipeline_version IS NOT NULL)
)

-- name: describe_collection
SELECT
    (SELECT created_at FROM collection WHERE album_id = {album_id}),
    (SELECT count(*) FROM face WHERE album_id = {album_id}),
    (SELECT count(*) FROM person WHERE album_id = {album_id} AND user_id IS NOT NULL),
    EXISTS (
        SELECT FROM photo
        WHERE album_id = {album_id} AND pipeline_version IS NOT NULL AND bucket <> %(picture_bucket)s
    )

-- name: list_collections
SELECT album_id, name FROM album
WHERE album_id > %(after)s AND name ~ %(pattern)s AND (%(names)s::text[] IS NULL OR name = ANY (%(names)s::text[])) AND (
    EXISTS (SELECT FROM collection WHERE collection.album_id = album.album_id)
    OR EXISTS (SELECT FROM photo WHERE photo.album_id = album.album_id AND photo.pipeline_version IS NOT NULL)
)
ORDER BY album_id
LIMIT %(limit)s

-- name: lock_tags
-- An album that started with a photo gets its row in collection with its first tag.
INSERT INTO collection (album_id) VALUES ({album_id})
ON CONFLICT (album_id) DO UPDATE SET album_id = excluded.album_id
RETURNING tags

-- name: tags
SELECT tags FROM collection WHERE album_id = {album_id}

-- name: set_tags
UPDATE collection SET tags = %(tags)s WHERE album_id = {album_id}

-- name: name_picture
INSERT INTO collection_face (face_id, album_id, image_id, external_image_id)
SELECT face_id, {album_id}, %(image_id)s, %(external_image_id)s FROM unnest(%(face_ids)s::uuid[]) AS given (face_id)
ON CONFLICT (face_id) DO NOTHING

-- name: faces_of_picture
SELECT
    face.face_id, collection_face.image_id, collection_face.external_image_id,
    face.box_x, face.box_y, face.box_w, face.box_h, face.box_at_s, face.detection_score, embedding_space.name,
    photo.bucket, photo.name, photo.generation
FROM collection_face
JOIN face USING (face_id)
JOIN embedding_space USING (space_id)
JOIN photo USING (photo_id)
WHERE collection_face.album_id = {album_id} AND face.album_id = {album_id} AND image_id = %(image_id)s
ORDER BY face.face_id

-- name: faces
SELECT
    face.face_id, coalesce(collection_face.image_id, face.photo_id), collection_face.external_image_id,
    face.box_x, face.box_y, face.box_w, face.box_h, face.box_at_s, face.detection_score, embedding_space.name,
    photo.bucket, photo.name, photo.generation
FROM face
JOIN embedding_space USING (space_id)
JOIN photo USING (photo_id)
LEFT JOIN collection_face USING (face_id)
WHERE face.album_id = {album_id}
    AND (%(after)s::uuid IS NULL OR face.face_id > %(after)s::uuid)
    AND (%(face_ids)s::uuid[] IS NULL OR face.face_id = ANY (%(face_ids)s::uuid[]))
ORDER BY face.face_id
LIMIT %(limit)s

-- name: delete_faces
-- A face that came through the API is the only one of its photo, so the photo is deleted with it.
WITH gone AS (
    DELETE FROM face WHERE album_id = {album_id} AND face_id = ANY (%(face_ids)s::uuid[])
    RETURNING face_id, photo_id
), unnamed AS (
    DELETE FROM collection_face WHERE face_id IN (SELECT face_id FROM gone)
), picture AS (
    DELETE FROM photo WHERE photo_id IN (SELECT photo_id FROM gone) AND bucket = %(picture_bucket)s
), bibs AS (
    UPDATE bib SET face_id = NULL WHERE album_id = {album_id} AND face_id IN (SELECT face_id FROM gone)
)
SELECT face_id FROM gone

-- name: recall_request
SELECT request_sha256, answer FROM client_request
WHERE album_id = {album_id} AND token = %(token)s AND answered_at > now() - interval '1 day'

-- name: forget_old_requests
DELETE FROM client_request WHERE answered_at < now() - interval '1 day'

-- name: remember_request
INSERT INTO client_request (album_id, token, request_sha256, answer)
VALUES ({album_id}, %(token)s, %(request_sha256)s, %(answer)s)
ON CONFLICT (album_id, token) DO NOTHING

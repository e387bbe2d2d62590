-- Statements of adapters/postgres/people/users.py.

-- name: person_of_user
SELECT person_id FROM person WHERE album_id = %(album_id)s AND user_id = %(user_id)s

-- name: users
SELECT {columns}
FROM person
WHERE album_id = %(album_id)s AND user_id IS NOT NULL AND (%(after)s::text IS NULL OR user_id > %(after)s)
ORDER BY user_id
LIMIT %(limit)s

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
-- By the unweighted mean of each user's faces; the caller ranks these candidates again by the weighted mean.
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

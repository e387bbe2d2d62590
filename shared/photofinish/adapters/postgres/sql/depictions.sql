-- Statements of adapters/postgres/depictions.py; face_index.sql explains %(name)s and {name}.

-- name: create_partition
SELECT create_depiction_partition(%(album_id)s)

-- name: create_space_index
SELECT create_depiction_space_index(%(album_id)s, %(space_id)s::smallint, %(dimension)s::smallint)

-- name: count_depictions
-- Counts no further than %(count)s.
SELECT count(*) FROM (
    SELECT FROM depiction WHERE album_id = {album_id} AND space_id = {space_id} LIMIT %(count)s
) AS counted

-- name: insert_depiction
INSERT INTO depiction (album_id, photo_id, space_id, embedding, labels, label_scores)
VALUES (%(album_id)s, %(photo_id)s, %(space_id)s, %(embedding)s::halfvec, %(labels)s, %(label_scores)s)

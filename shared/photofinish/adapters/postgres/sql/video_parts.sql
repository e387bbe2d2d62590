-- Statements of adapters/postgres/video_parts.py. %(name)s is a parameter.

-- name: put
INSERT INTO video_part (album_id, photo_id, generation, pipeline_version, part, content)
VALUES (%(album_id)s, %(photo_id)s, %(generation)s, %(pipeline_version)s, %(part)s, %(content)s)
ON CONFLICT (photo_id, generation, pipeline_version, part) DO NOTHING

-- name: known
SELECT part FROM video_part
WHERE photo_id = %(photo_id)s AND generation = %(generation)s AND pipeline_version = %(pipeline_version)s

-- name: get
SELECT content FROM video_part
WHERE photo_id = %(photo_id)s AND generation = %(generation)s AND pipeline_version = %(pipeline_version)s
    AND part = %(part)s

-- name: remove
DELETE FROM video_part WHERE photo_id = %(photo_id)s AND generation <= %(generation)s

-- name: expire
DELETE FROM video_part WHERE written_at < %(before)s

-- Statements of adapters/postgres/retention.py. %(name)s is a parameter.

-- name: note_original_removed
INSERT INTO removed_original (photo_id, album_id, generation) VALUES (%(photo_id)s, %(album_id)s, %(generation)s)
ON CONFLICT (photo_id) DO UPDATE
SET generation = greatest(removed_original.generation, excluded.generation), removed_at = now()

-- name: was_original_removed
SELECT EXISTS (SELECT FROM removed_original WHERE photo_id = %(photo_id)s AND generation >= %(generation)s)

-- name: note_end_enforced
INSERT INTO album_end (album_id, ends_on) VALUES (%(album_id)s, %(ends_on)s)
ON CONFLICT (album_id) DO UPDATE
SET ends_on = greatest(album_end.ends_on, excluded.ends_on), enforced_at = now()
RETURNING enforced_at

-- name: end_enforced
SELECT ends_on FROM album_end JOIN album USING (album_id) WHERE name = %(album)s

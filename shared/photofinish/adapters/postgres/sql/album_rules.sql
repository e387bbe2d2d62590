-- Statements of adapters/postgres/album_rules.py; face_index.sql explains %(name)s and {name}.

-- name: album_rules
SELECT album_id, min_digits, max_digits, letters, prefixes, edits, has_start_list
FROM album_rules JOIN album USING (album_id)
WHERE album.name = %(album)s

-- name: entrants
SELECT number, name FROM entrant WHERE album_id = %(album_id)s

-- name: set_album_rules
-- Locks the row until the transaction ends: of two concurrent calls, rules and start list of the later one stay.
INSERT INTO album_rules (
    album_id, min_digits, max_digits, letters, prefixes, edits, has_start_list, fingerprint
) VALUES (
    %(album_id)s, %(min_digits)s, %(max_digits)s, %(letters)s, %(prefixes)s, %(edits)s, %(has_start_list)s, %(fingerprint)s
)
ON CONFLICT (album_id) DO UPDATE
SET min_digits = excluded.min_digits, max_digits = excluded.max_digits, letters = excluded.letters,
    prefixes = excluded.prefixes, edits = excluded.edits, has_start_list = excluded.has_start_list,
    fingerprint = excluded.fingerprint, changed_at = now()

-- name: delete_entrants
DELETE FROM entrant WHERE album_id = %(album_id)s

-- name: insert_entrants
INSERT INTO entrant (album_id, number, name)
SELECT %(album_id)s, * FROM unnest(%(numbers)s::text[], %(names)s::text[])

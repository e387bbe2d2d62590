-- Statements of adapters/postgres/album_policies.py; face_index.sql explains %(name)s and {name}.

-- name: policy
SELECT legal_basis, indexing, redact, redaction_style, keep_originals, purpose, ends_on
FROM album_policy JOIN album USING (album_id)
WHERE album.name = %(album)s

-- name: ever_redacted
SELECT ever_redacted FROM album_policy JOIN album USING (album_id) WHERE album.name = %(album)s

-- name: policies
SELECT album.name, legal_basis, indexing, redact, redaction_style, keep_originals, purpose, ends_on
FROM album_policy JOIN album USING (album_id)

-- name: set_policy
-- No row: nothing changed.
INSERT INTO album_policy (
    album_id, legal_basis, indexing, redact, redaction_style, keep_originals, purpose, ends_on, ever_redacted,
    links_to_end_since
) VALUES (
    %(album_id)s, %(legal_basis)s, %(indexing)s, %(redact)s, %(redaction_style)s, %(keep_originals)s, %(purpose)s,
    %(ends_on)s, %(redact)s <> 'none', CASE WHEN %(redact)s <> 'none' THEN now() END
)
ON CONFLICT (album_id) DO UPDATE
SET legal_basis = excluded.legal_basis, indexing = excluded.indexing, redact = excluded.redact,
    redaction_style = excluded.redaction_style, keep_originals = excluded.keep_originals, purpose = excluded.purpose,
    ends_on = excluded.ends_on, ever_redacted = album_policy.ever_redacted OR excluded.ever_redacted,
    links_to_end_since = CASE
        WHEN album_policy.ever_redacted THEN album_policy.links_to_end_since ELSE excluded.links_to_end_since
    END,
    changed_at = now()
WHERE (
    album_policy.legal_basis, album_policy.indexing, album_policy.redact, album_policy.redaction_style,
    album_policy.keep_originals, album_policy.purpose, album_policy.ends_on
) IS DISTINCT FROM (
    excluded.legal_basis, excluded.indexing, excluded.redact, excluded.redaction_style, excluded.keep_originals,
    excluded.purpose, excluded.ends_on
)
RETURNING changed_at

-- name: links_to_end
SELECT album.name, links_to_end_since
FROM album_policy JOIN album USING (album_id)
WHERE links_to_end_since IS NOT NULL

-- name: links_ended
UPDATE album_policy SET links_to_end_since = NULL
FROM album
WHERE album.album_id = album_policy.album_id AND album.name = %(album)s

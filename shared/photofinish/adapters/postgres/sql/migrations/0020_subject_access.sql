-- What the audit has about one person or opt-out, for a person who asks what is known of them. The users of functions may not read
-- the audit; this answers no more than the entries of one id.
CREATE FUNCTION audit_entries_about(album_name text, about text)
RETURNS TABLE (at timestamptz, principal text, principal_id text, action text, outcome text, request_id text, count integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT at, principal, principal_id, action, outcome, request_id, count
    FROM audit_entry WHERE album = album_name AND target = about ORDER BY entry_id
$$;
CREATE INDEX audit_entry_target ON audit_entry (album, target) WHERE target IS NOT NULL;

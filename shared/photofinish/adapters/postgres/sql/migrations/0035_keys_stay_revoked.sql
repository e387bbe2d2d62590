-- The API may revoke keys. No statement takes that back, not even one of the owner: who needs a key makes a new one.
CREATE FUNCTION refuse_reviving_a_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'key % was revoked: make a new one', OLD.key_id;
END
$$;
CREATE TRIGGER revoked_for_good BEFORE UPDATE ON api_key FOR EACH ROW
    WHEN (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at)
    EXECUTE FUNCTION refuse_reviving_a_key();
